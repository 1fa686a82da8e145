_base_ = './vitpose_base_encoder.py'

encoder = dict(
    backbone=dict(
        arch=dict(_delete_=True, embed_dims=384, num_layers=12, num_heads=12, feedforward_channels=1536)),
    deconv=dict(in_channels=384),
    init_cfg=dict(checkpoint='checkpoints/vitpose-small_encoder.pth'))
