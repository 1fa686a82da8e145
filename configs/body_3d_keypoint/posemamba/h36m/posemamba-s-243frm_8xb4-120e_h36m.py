_base_ = ['../_base_/posemamba_h36m.py']
