_base_ = ['posemamba-b-81frm_8xb4-120e_mpi-inf-3dhp.py']

model = dict(backbone=dict(depth=20))
