# GLSMamba, small enough to be trained on two CPU cores in a few minutes, on the demo's frozen encoder.
_base_ = [
    '../../../_base_/default_runtime.py', '../../../_base_/datasets/synthetic_posetrack_video_128x96.py'
]

max_epochs = 2

# Neighbouring windows are alike: every second one will do.
train_dataloader = dict(batch_size=8, num_workers=1, dataset=dict(sample_interval=2))
val_dataloader = dict(batch_size=16, num_workers=1)
test_dataloader = val_dataloader

model = dict(
    type='mmpose_gss.VideoTopdownPoseEstimator',
    data_preprocessor=dict(
        type='mmpose_gss.ClipDataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True),
    backbone=dict(
        type='mmpose_gss.DeconvEncoder',
        backbone=dict(
            type='ResNet', depth=18, stem_channels=32, base_channels=32, num_stages=3, strides=(1, 2, 2),
            dilations=(1, 1, 1), out_indices=(2, )),
        deconv=dict(in_channels=128, out_channels=(64, 64), kernel_sizes=(4, 4)),
        init_cfg=dict(
            type='Pretrained', prefix='backbone.',
            checkpoint='{{$SYNTHETIC_POSETRACK_ENCODER:work_dirs/td-hm_res18-small_synthetic-posetrack-128x96/epoch_6.pth}}')),
    neck=dict(
        type='mmpose_gss.GLSMambaNeck', in_channels=64, embed_dims=48, num_frames=5, num_global=1, num_local=1,
        d_state=4, dt_rank=4),
    head=dict(type='mmpose_gss.TemporalHeatmapHead', in_channels=48, out_channels=17, decoder=_base_.codec),
    test_cfg=dict(flip_test=False))

train_cfg = dict(by_epoch=True, max_epochs=max_epochs, val_interval=max_epochs)
optim_wrapper = dict(
    constructor='mmpose_gss.TrainableOptimWrapperConstructor',
    optimizer=dict(type='AdamW', lr=2e-3, weight_decay=0.01),
    clip_grad=dict(max_norm=1.0))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, begin=0, end=20),
    dict(type='CosineAnnealingLR', eta_min=2e-5, by_epoch=True, begin=0, end=max_epochs, T_max=max_epochs,
         convert_to_iter_based=True),
]
auto_scale_lr = dict(base_batch_size=8)
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(max_keep_ckpts=1))
