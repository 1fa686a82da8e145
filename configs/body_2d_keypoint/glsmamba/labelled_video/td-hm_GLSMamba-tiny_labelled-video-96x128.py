# One config from labelled frames to a model: encoder, GLSMamba and head are trained together, from scratch.
_base_ = [
    '../_base_/glsmamba.py', '../../../_base_/models/res18_small_encoder.py',
    '../../../_base_/datasets/labelled_video_96x128.py', '../../../_base_/schedules/schedule_2e_adamw_cosine.py'
]

model = dict(
    freeze_backbone=False,
    backbone=_base_.encoder,
    neck=dict(
        in_channels=64, embed_dims=48, num_frames=len(_base_.frame_offsets), token_stride=2,
        num_global=1, num_local=1, scan=dict(d_state=4, dt_rank=4), ffn_ratio=2., sca_ratio=0.45),
    head=dict(in_channels=64, out_channels=_base_.num_joints, decoder=_base_.codec))

max_epochs = 60
train_cfg = dict(max_epochs=max_epochs, val_interval=10)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, begin=0, end=40),
    dict(type='CosineAnnealingLR', eta_min=2e-5, by_epoch=True, begin=0, end=max_epochs, T_max=max_epochs,
         convert_to_iter_based=True),
]
