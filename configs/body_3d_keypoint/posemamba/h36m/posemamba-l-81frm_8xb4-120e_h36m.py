_base_ = ['posemamba-b-81frm_8xb4-120e_h36m.py']

model = dict(backbone=dict(depth=20))
