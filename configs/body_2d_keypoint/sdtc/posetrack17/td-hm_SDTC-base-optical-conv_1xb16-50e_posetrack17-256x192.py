# Table 4: optical flow and the spatial feature, fused by a convolution (b).
_base_ = ['./td-hm_SDTC-base_1xb16-50e_posetrack17-256x192.py']

model = dict(neck=dict(motion='flow', refine=False, propagate=False, fusion='conv'))
