# Table 8: λ = 1.
_base_ = ['./td-hm_SDTC-base_1xb16-50e_posetrack17-256x192.py']

model = dict(neck=dict(reconstruction=dict(context_weight=1.)))
