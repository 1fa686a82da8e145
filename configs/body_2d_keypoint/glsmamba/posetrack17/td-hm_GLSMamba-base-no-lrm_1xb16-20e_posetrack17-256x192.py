# Ablation "without LRM".
_base_ = ['./td-hm_GLSMamba-base_1xb16-20e_posetrack17-256x192.py']

model = dict(neck=dict(num_local=0))
