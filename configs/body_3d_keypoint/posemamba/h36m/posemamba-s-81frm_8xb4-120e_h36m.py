_base_ = ['../_base_/posemamba_h36m.py']

model = dict(backbone=dict(num_frames=81))
train_dataloader = dict(dataset=dict(num_frames=81, stride=27))
val_dataloader = dict(dataset=dict(num_frames=81))
test_dataloader = val_dataloader
