# Table 5 (d): three quarters masked.
_base_ = ['./td-hm_SDTC-base_1xb16-50e_posetrack17-256x192.py']

model = dict(neck=dict(motion=dict(mask_ratio=0.75)))
