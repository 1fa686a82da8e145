_base_ = [
    '../_base_/glsmamba-base.py', '../../../_base_/datasets/posetrack21_video.py',
    '../../../_base_/schedules/schedule_20e_adamw.py'
]

model = dict(
    neck=dict(num_frames=len(_base_.frame_offsets)),
    head=dict(out_channels=_base_.num_joints, decoder=_base_.codec))
