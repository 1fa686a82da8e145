# GLSMamba-BLR: the encoder's own resolution (1/16), no deconvolutions.
_base_ = ['./td-hm_GLSMamba-base_1xb16-20e_posetrack17-256x192.py']

model = dict(
    backbone=dict(deconv=None),
    neck=dict(in_channels=768, resolution='1/16'))
