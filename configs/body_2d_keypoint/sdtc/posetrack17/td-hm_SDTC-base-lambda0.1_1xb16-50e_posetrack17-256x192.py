# Table 8: λ = 0.1.
_base_ = ['./td-hm_SDTC-base_1xb16-50e_posetrack17-256x192.py']

model = dict(neck=dict(reconstruction=dict(context_weight=0.1)))
