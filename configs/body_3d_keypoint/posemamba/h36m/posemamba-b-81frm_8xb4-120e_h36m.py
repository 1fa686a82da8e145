_base_ = ['../_base_/posemamba_h36m.py']

model = dict(backbone=dict(embed_dim=128, num_frames=81), head=dict(in_channels=128))
train_dataloader = dict(dataset=dict(num_frames=81, stride=27))
val_dataloader = dict(dataset=dict(num_frames=81))
test_dataloader = val_dataloader
