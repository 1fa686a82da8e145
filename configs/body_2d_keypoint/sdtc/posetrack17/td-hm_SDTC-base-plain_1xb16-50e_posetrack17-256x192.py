# Table 5 (a): plain transformer blocks, six of them as many parameters as the two levels.
_base_ = ['./td-hm_SDTC-base_1xb16-50e_posetrack17-256x192.py']

model = dict(neck=dict(motion=dict(_delete_=True, type='plain', depth=6), reconstruction=None))
