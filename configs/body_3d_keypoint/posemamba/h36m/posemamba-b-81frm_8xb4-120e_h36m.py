_base_ = ['posemamba-s-81frm_8xb4-120e_h36m.py']

embed_dim = 128
model = dict(backbone=dict(embed_dim=embed_dim), head=dict(in_channels=embed_dim))
