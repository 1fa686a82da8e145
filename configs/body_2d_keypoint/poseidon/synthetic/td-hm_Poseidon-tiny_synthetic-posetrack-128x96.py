# Poseidon, small enough for two CPU cores, on the demo's frozen encoder, whose one output is the only depth.
_base_ = [
    '../_base_/poseidon.py', '../../../_base_/models/res18_small_trained_encoder.py',
    '../../../_base_/datasets/synthetic_posetrack_video_128x96_small_batches.py',
    '../../../_base_/schedules/schedule_2e_adamw_cosine.py'
]

model = dict(
    freeze_backbone=True,
    backbone=_base_.encoder,
    neck=dict(in_channels=64, num_depths=1),
    head=dict(
        in_channels=64, out_channels=_base_.num_joints, deconv_out_channels=None, deconv_kernel_sizes=None,
        final_layer=dict(kernel_size=3, padding=1), decoder=_base_.codec))
