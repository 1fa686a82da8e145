# A small encoder trained on single frames: the baseline of the demo, and what its GLSMamba freezes.
_base_ = [
    '../../../_base_/default_runtime.py', '../../../_base_/models/video_topdown.py',
    '../../../_base_/models/res18_small_encoder.py',
    '../../../_base_/datasets/synthetic_posetrack_video_128x96.py'
]

max_epochs = 6
frame_offsets = (0, )
load_clip = dict(type='mmpose_gss.LoadClip', num_frames=len(frame_offsets))
train_pipeline = [load_clip, *_base_.train_pipeline[1:]]
val_pipeline = [load_clip, *_base_.val_pipeline[1:]]

train_dataloader = dict(
    batch_size=32, num_workers=1, dataset=dict(frame_offsets=frame_offsets, pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=32, num_workers=1, dataset=dict(frame_offsets=frame_offsets, pipeline=val_pipeline))
test_dataloader = val_dataloader

model = dict(
    freeze_backbone=False,
    backbone=_base_.encoder,
    head=dict(
        type='mmpose_gss.TemporalHeatmapHead', in_channels=64, out_channels=_base_.num_joints,
        decoder=_base_.codec))

train_cfg = dict(by_epoch=True, max_epochs=max_epochs, val_interval=max_epochs)
optim_wrapper = dict(optimizer=dict(type='AdamW', lr=2e-3, weight_decay=0.01))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, begin=0, end=40),
    dict(type='CosineAnnealingLR', eta_min=2e-5, by_epoch=True, begin=0, end=max_epochs, T_max=max_epochs,
         convert_to_iter_based=True),
]
auto_scale_lr = dict(base_batch_size=32)
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(max_keep_ckpts=1))
