# GLSMamba-BLR: the encoder's own resolution (1/16), no deconvolutions; its 768
# channels do not go past the tokens.
_base_ = ['./td-hm_GLSMamba-base_1xb16-20e_posetrack17-256x192.py']

model = dict(
    backbone=dict(deconv=None),
    neck=dict(in_channels=768, resolution='1/16', skip='none', sca_ratio=0.425))
