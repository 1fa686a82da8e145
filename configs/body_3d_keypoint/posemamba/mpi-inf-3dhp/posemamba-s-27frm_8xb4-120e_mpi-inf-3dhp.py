_base_ = ['../_base_/posemamba_3dhp.py']

model = dict(backbone=dict(num_frames=27))
train_dataloader = dict(dataset=dict(num_frames=27, stride=9))
val_dataloader = dict(dataset=dict(num_frames=27))
test_dataloader = val_dataloader
