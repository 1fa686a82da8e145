# GLSMamba-B: ViTPose-B up to its second deconvolution, frozen; 4 GSM and 2 LRM blocks on 5 frames.
model = dict(
    type='mmpose_gss.VideoTopdownPoseEstimator',
    data_preprocessor=dict(
        type='mmpose_gss.ClipDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True),
    backbone=dict(
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
        init_cfg=dict(type='Pretrained', checkpoint='checkpoints/vitpose-base_encoder.pth')),
    neck=dict(
        type='mmpose_gss.GLSMambaNeck',
        in_channels=256,
        embed_dims=256,
        num_frames=5,
        num_global=4,
        num_local=2,
        scans=('unified', 'spatial', 'temporal'),
        merge='stmm',
        window=(8, 6),
        resolution='1/4',
        scan_conv=None),
    head=dict(
        type='mmpose_gss.TemporalHeatmapHead',
        in_channels=256,
        out_channels=17,
        loss=dict(type='KeypointMSELoss', use_target_weight=True),
        decoder=dict(type='MSRAHeatmap', input_size=(192, 256), heatmap_size=(48, 64), sigma=2)),
    # None of the compared systems uses a flip test.
    test_cfg=dict(flip_test=False))
