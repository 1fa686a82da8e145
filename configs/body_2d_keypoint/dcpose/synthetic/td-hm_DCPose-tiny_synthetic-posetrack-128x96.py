# DCPose, small enough for two CPU cores, on the demo's frozen encoder and its single-frame head.
_base_ = [
    '../_base_/dcpose.py', '../../../_base_/models/res18_small_trained_encoder.py',
    '../../../_base_/datasets/synthetic_posetrack_video_128x96_small_batches.py',
    '../../../_base_/schedules/schedule_2e_adamw_cosine.py'
]

frame_offsets = (-1, 0, 1)
load_clip = dict(type='mmpose_gss.LoadClip', num_frames=len(frame_offsets))
train_pipeline = [load_clip, *_base_.train_pipeline[1:]]
val_pipeline = [load_clip, *_base_.val_pipeline[1:]]
train_dataloader = dict(dataset=dict(frame_offsets=frame_offsets, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(frame_offsets=frame_offsets, pipeline=val_pipeline))
test_dataloader = val_dataloader

model = dict(
    backbone=_base_.encoder,
    neck=dict(
        in_channels=64,
        num_keypoints=_base_.num_joints,
        embed_dims=32,
        depth=1,
        residual_depth=1,
        dilations=(1, 2, 3),
        rough_head=dict(
            in_channels=64, out_channels=_base_.num_joints, final_layer=dict(kernel_size=3, padding=1),
            init_cfg=dict(
                type='Pretrained', prefix='head.', checkpoint=_base_.encoder['init_cfg']['checkpoint']))),
    head=dict(in_channels=_base_.num_joints, out_channels=_base_.num_joints, decoder=_base_.codec))
