_base_ = [
    '../_base_/dcpose_hrnet-w48.py', '../_base_/dcpose_schedule.py',
    '../../../_base_/datasets/posetrack21_video_384x288.py'
]

frame_offsets = (-1, 0, 1)
load_clip = dict(type='mmpose_gss.LoadClip', num_frames=len(frame_offsets))
train_pipeline = [load_clip, *_base_.train_pipeline[1:]]
val_pipeline = [load_clip, *_base_.val_pipeline[1:]]
train_dataloader = dict(batch_size=32, dataset=dict(frame_offsets=frame_offsets, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(frame_offsets=frame_offsets, pipeline=val_pipeline))
test_dataloader = val_dataloader

model = dict(
    neck=dict(num_keypoints=_base_.num_joints, rough_head=dict(out_channels=_base_.num_joints)),
    head=dict(in_channels=_base_.num_joints, out_channels=_base_.num_joints, decoder=_base_.codec))
