_base_ = [
    '../_base_/tar_vitpose-base.py', '../../../_base_/datasets/posetrack21_video_384x288.py',
    '../../../_base_/schedules/schedule_30e_adamw.py'
]

model = dict(
    neck=dict(num_keypoints=_base_.num_joints, heatmap_head=dict(out_channels=_base_.num_joints)),
    head=dict(in_channels=_base_.num_joints, out_channels=_base_.num_joints, decoder=_base_.codec))
