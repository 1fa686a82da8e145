_base_ = ['../_base_/posemamba_3dhp.py']

model = dict(backbone=dict(embed_dim=128), head=dict(in_channels=128))
