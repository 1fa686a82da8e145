_base_ = ['../_base_/posemamba_3dhp.py']

model = dict(backbone=dict(embed_dim=128, depth=20), head=dict(in_channels=128))
