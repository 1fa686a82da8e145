_base_ = ['../_base_/posemamba_3dhp.py']

model = dict(backbone=dict(embed_dim=128, depth=20, num_frames=243), head=dict(in_channels=128))
train_dataloader = dict(dataset=dict(num_frames=243, stride=81))
val_dataloader = dict(dataset=dict(num_frames=243))
test_dataloader = val_dataloader
