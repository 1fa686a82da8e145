_base_ = ['../_base_/posemamba_3dhp.py']

model = dict(backbone=dict(num_frames=243))
train_dataloader = dict(dataset=dict(num_frames=243, stride=81))
val_dataloader = dict(dataset=dict(num_frames=243))
test_dataloader = val_dataloader
