# Table 7 (b): spatial encodings alone.
_base_ = ['./td-hm_SDTC-base_1xb16-50e_posetrack17-256x192.py']

model = dict(neck=dict(encoding=dict(temporal=False)))
