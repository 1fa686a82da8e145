_base_ = './vitpose_base_encoder.py'

encoder = dict(
    backbone=dict(arch='large'),
    deconv=dict(in_channels=1024),
    init_cfg=dict(checkpoint='checkpoints/vitpose-large_encoder.pth'))
