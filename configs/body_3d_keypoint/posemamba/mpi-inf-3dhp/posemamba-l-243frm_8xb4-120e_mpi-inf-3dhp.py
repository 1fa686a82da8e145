_base_ = ['posemamba-b-243frm_8xb4-120e_mpi-inf-3dhp.py']

model = dict(backbone=dict(depth=20))
