# TAR-ViTPose, small enough for two CPU cores, on the demo's frozen encoder and with its single-frame head.
_base_ = [
    '../_base_/tar_vitpose.py', '../../../_base_/models/res18_small_trained_encoder.py',
    '../../../_base_/datasets/synthetic_posetrack_video_128x96_small_batches.py',
    '../../../_base_/schedules/schedule_2e_adamw_cosine.py'
]

model = dict(
    freeze_backbone=True,
    backbone=_base_.encoder,
    neck=dict(
        in_channels=64,
        num_keypoints=_base_.num_joints,
        num_layers=2,
        heatmap_head=dict(
            in_channels=64, out_channels=_base_.num_joints, deconv_out_channels=None,
            deconv_kernel_sizes=None, final_layer=dict(kernel_size=3, padding=1),
            init_cfg=dict(
                type='Pretrained', prefix='head.', checkpoint=_base_.encoder['init_cfg']['checkpoint']))),
    head=dict(in_channels=_base_.num_joints, out_channels=_base_.num_joints, decoder=_base_.codec))
