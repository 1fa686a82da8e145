# Table 4 (c): the motion encoder, added to the spatial feature.
_base_ = ['./td-hm_SDTC-base_1xb16-50e_posetrack17-256x192.py']

model = dict(neck=dict(mutual=dict(refine=False, propagate=False, fusion='add')))
