_base_ = [
    '../_base_/sdtc-base.py', '../../../_base_/datasets/posetrack21_video.py',
    '../../../_base_/schedules/schedule_50e_adamw.py'
]

model = dict(
    neck=dict(num_frames=len(_base_.frame_offsets), reconstruction=dict(num_keypoints=_base_.num_joints)),
    head=dict(out_channels=_base_.num_joints, decoder=_base_.codec))
train_pipeline = [
    _base_.box_transform if step.type == _base_.box_transform.type else step for step in _base_.train_pipeline
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
