# Poses of a window's key frame: a frozen encoder of single frames, a neck that sees the window, a heatmap head.
# A method adds `neck` and `head`, a config `backbone=_base_.encoder` of one of the encoders here.
model = dict(
    type='mmpose_gss.VideoTopdownPoseEstimator',
    data_preprocessor=dict(
        type='mmpose_gss.ClipDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True),
    # None of the compared systems uses a flip test.
    test_cfg=dict(flip_test=False))
