# Small enough to be trained from scratch on two CPU cores: 64 channels at a quarter of the input's size.
encoder = dict(
    type='mmpose_gss.DeconvEncoder',
    backbone=dict(
        type='ResNet',
        depth=18,
        stem_channels=32,
        base_channels=32,
        num_stages=3,
        strides=(1, 2, 2),
        dilations=(1, 1, 1),
        out_indices=(2, )),
    deconv=dict(in_channels=128, out_channels=(64, 64), kernel_sizes=(4, 4)))
