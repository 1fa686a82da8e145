_base_ = ['posemamba-s-81frm_8xb4-120e_mpi-inf-3dhp.py']

embed_dims = 128
model = dict(backbone=dict(embed_dims=embed_dims), head=dict(in_channels=embed_dims))
