_base_ = 'glsmamba-base.py'
model = dict(
    backbone=dict(
        backbone=dict(arch='huge'),
        deconv=dict(in_channels=1280),
        init_cfg=dict(checkpoint='checkpoints/vitpose-huge_encoder.pth')))
