_base_ = [
    '../_base_/poseidon-large.py', '../../../_base_/datasets/posetrack21_video_384x288.py',
    '../../../_base_/schedules/schedule_30e_adamw.py'
]

model = dict(head=dict(out_channels=_base_.num_joints, decoder=_base_.codec))

max_epochs = 20
train_cfg = dict(max_epochs=max_epochs)
param_scheduler = [dict(type='StepLR', begin=0, end=max_epochs, step_size=5, gamma=0.5, by_epoch=True)]
