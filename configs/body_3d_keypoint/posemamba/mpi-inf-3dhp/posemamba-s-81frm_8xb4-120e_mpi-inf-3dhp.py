_base_ = ['../_base_/posemamba_3dhp.py']
