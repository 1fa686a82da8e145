_base_ = ['../_base_/posemamba_h36m.py']

model = dict(backbone=dict(embed_dim=128), head=dict(in_channels=128))
