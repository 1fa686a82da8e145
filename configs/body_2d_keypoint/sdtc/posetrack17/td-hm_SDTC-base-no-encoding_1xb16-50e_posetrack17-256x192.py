# Table 7 (a): no encodings.
_base_ = ['./td-hm_SDTC-base_1xb16-50e_posetrack17-256x192.py']

model = dict(neck=dict(encoding=dict(spatial=False, temporal=False)))
