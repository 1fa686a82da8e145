_base_ = ['../_base_/posemamba_3dhp.py']

num_frames = 27
model = dict(backbone=dict(num_frames=num_frames))
train_dataloader = dict(dataset=dict(num_frames=num_frames, stride=num_frames // 3))
val_dataloader = dict(dataset=dict(num_frames=num_frames))
test_dataloader = val_dataloader
