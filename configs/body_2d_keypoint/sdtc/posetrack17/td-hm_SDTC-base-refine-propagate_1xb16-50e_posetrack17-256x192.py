# Table 6 (b): self refinement and cross propagation, then addition.
_base_ = ['./td-hm_SDTC-base_1xb16-50e_posetrack17-256x192.py']

model = dict(neck=dict(mutual=dict(fusion='add')))
