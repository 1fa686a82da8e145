# A small encoder trained on single frames: the baseline of the demo, and what its GLSMamba freezes.
_base_ = [
    '../../../_base_/default_runtime.py', '../../../_base_/datasets/synthetic_posetrack_video_128x96.py'
]

max_epochs = 6
single_frame = dict(frame_offsets=(0, ))

train_dataloader = dict(batch_size=32, num_workers=1, dataset=single_frame)
val_dataloader = dict(batch_size=32, num_workers=1, dataset=single_frame)
test_dataloader = val_dataloader

model = dict(
    type='mmpose_gss.VideoTopdownPoseEstimator',
    freeze_backbone=False,
    data_preprocessor=dict(
        type='mmpose_gss.ClipDataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True),
    backbone=dict(
        type='mmpose_gss.DeconvEncoder',
        backbone=dict(
            type='ResNet', depth=18, stem_channels=32, base_channels=32, num_stages=3, strides=(1, 2, 2),
            dilations=(1, 1, 1), out_indices=(2, )),
        deconv=dict(in_channels=128, out_channels=(64, 64), kernel_sizes=(4, 4))),
    head=dict(type='mmpose_gss.TemporalHeatmapHead', in_channels=64, out_channels=17, decoder=_base_.codec),
    test_cfg=dict(flip_test=False))

train_cfg = dict(by_epoch=True, max_epochs=max_epochs, val_interval=max_epochs)
optim_wrapper = dict(optimizer=dict(type='AdamW', lr=2e-3, weight_decay=0.01))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, begin=0, end=40),
    dict(type='CosineAnnealingLR', eta_min=2e-5, by_epoch=True, begin=0, end=max_epochs, T_max=max_epochs,
         convert_to_iter_based=True),
]
auto_scale_lr = dict(base_batch_size=32)
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(max_keep_ckpts=1))
