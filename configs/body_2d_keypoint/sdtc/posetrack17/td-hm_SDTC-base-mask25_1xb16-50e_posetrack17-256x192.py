# Table 5 (c): a quarter masked.
_base_ = ['./td-hm_SDTC-base_1xb16-50e_posetrack17-256x192.py']

model = dict(neck=dict(motion=dict(mask_ratio=0.25)))
