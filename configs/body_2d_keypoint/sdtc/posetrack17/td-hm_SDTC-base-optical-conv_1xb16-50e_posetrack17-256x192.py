# Table 4: optical flow and the spatial feature, fused by a convolution (b).
_base_ = ['./td-hm_SDTC-base_1xb16-50e_posetrack17-256x192.py']

model = dict(
    neck=dict(
        motion=dict(_delete_=True, type='flow'),
        mutual=dict(refine=False, propagate=False, fusion='conv'),
        reconstruction=None))
