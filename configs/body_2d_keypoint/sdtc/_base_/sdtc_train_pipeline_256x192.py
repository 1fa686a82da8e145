# SDTC's augmentation: scale 0.65 to 1.35, rotation within 45 degrees (normal, cut at two sigma), flip and
# truncation (half bodies).
sdtc_train_pipeline = [
    dict(type='mmpose_gss.LoadClip'),
    dict(type='mmpose.GetBBoxCenterScale', padding=1.25),
    dict(type='mmpose_gss.RandomClipFlip', direction='horizontal', prob=0.5),
    dict(type='mmpose.RandomHalfBody', min_total_keypoints=9, padding=1.5, prob=0.3),
    dict(type='mmpose_gss.ClipBBoxTransform', scale_range=(0.65, 1.35), rotate_sigma=22.5, rotate_limit=45.),
    dict(type='mmpose.TopdownAffine', input_size=(192, 256)),
    dict(
        type='mmpose.GenerateTarget',
        encoder=dict(type='mmpose.MSRAHeatmap', input_size=(192, 256), heatmap_size=(48, 64), sigma=2)),
    dict(type='mmpose_gss.PackClipInputs'),
]
