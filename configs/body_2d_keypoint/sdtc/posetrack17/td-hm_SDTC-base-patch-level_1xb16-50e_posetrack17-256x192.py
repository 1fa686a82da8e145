# Table 5 (b): the patch level alone.
_base_ = ['./td-hm_SDTC-base_1xb16-50e_posetrack17-256x192.py']

model = dict(neck=dict(motion=dict(levels=('patch', ))))
