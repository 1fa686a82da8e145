_base_ = './vitpose_base_encoder.py'

encoder = dict(
    backbone=dict(arch='huge'),
    deconv=dict(in_channels=1280),
    init_cfg=dict(checkpoint='checkpoints/vitpose-huge_encoder.pth'))
