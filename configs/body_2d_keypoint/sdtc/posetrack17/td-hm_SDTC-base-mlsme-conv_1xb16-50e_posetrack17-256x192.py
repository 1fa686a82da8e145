# Table 4 (d): the motion encoder, fused by a convolution.
_base_ = ['./td-hm_SDTC-base_1xb16-50e_posetrack17-256x192.py']

model = dict(neck=dict(mutual=dict(refine=False, propagate=False, fusion='conv')))
