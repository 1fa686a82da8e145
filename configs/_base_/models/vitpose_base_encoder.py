# ViTPose-B up to its second deconvolution: 256 channels at a quarter of the input's size.
encoder = dict(
    type='mmpose_gss.DeconvEncoder',
    # For larger inputs the encoder interpolates its position embedding when it runs.
    backbone=dict(
        type='mmpretrain.VisionTransformer',
        arch='base',
        img_size=(256, 192),
        patch_size=16,
        qkv_bias=True,
        with_cls_token=False,
        out_type='featmap',
        patch_cfg=dict(padding=2)),
    deconv=dict(in_channels=768, out_channels=(256, 256), kernel_sizes=(4, 4)),
    init_cfg=dict(type='Pretrained', checkpoint='checkpoints/vitpose-base_encoder.pth'))
