_base_ = [
    '../_base_/poseidon-small.py', '../../../_base_/datasets/posetrack21_video_384x288.py',
    '../../../_base_/schedules/schedule_30e_adamw.py'
]

model = dict(head=dict(out_channels=_base_.num_joints, decoder=_base_.codec))
