_base_ = ['posemamba-s-243frm_8xb4-120e_mpi-inf-3dhp.py']

embed_dim = 128
model = dict(backbone=dict(embed_dim=embed_dim), head=dict(in_channels=embed_dim))
