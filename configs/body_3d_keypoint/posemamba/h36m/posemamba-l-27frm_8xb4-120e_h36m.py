_base_ = ['../_base_/posemamba_h36m.py']

model = dict(backbone=dict(embed_dim=128, depth=20, num_frames=27), head=dict(in_channels=128))
train_dataloader = dict(dataset=dict(num_frames=27, stride=9))
val_dataloader = dict(dataset=dict(num_frames=27))
test_dataloader = val_dataloader
