# Transforms of a window, as the papers': box x 1.25, one affine for all frames, MSRA heatmaps.
frame_offsets = (-2, -1, 0, 1, 2)
codec = dict(type='mmpose.MSRAHeatmap', input_size=(192, 256), heatmap_size=(48, 64), sigma=2)

train_pipeline = [
    dict(type='mmpose_gss.LoadClip', num_frames=len(frame_offsets)),
    dict(type='mmpose.GetBBoxCenterScale', padding=1.25),
    dict(type='mmpose_gss.RandomClipFlip', direction='horizontal', prob=0.5),
    dict(type='mmpose.RandomHalfBody', min_total_keypoints=9, padding=1.5, prob=0.3),
    dict(type='mmpose_gss.ClipBBoxTransform'),
    dict(type='mmpose.TopdownAffine', input_size=codec['input_size']),
    dict(type='mmpose.GenerateTarget', encoder=codec),
    dict(type='mmpose_gss.PackClipInputs'),
]
val_pipeline = [
    dict(type='mmpose_gss.LoadClip', num_frames=len(frame_offsets)),
    dict(type='mmpose.GetBBoxCenterScale', padding=1.25),
    dict(type='mmpose.TopdownAffine', input_size=codec['input_size']),
    dict(type='mmpose_gss.PackClipInputs'),
]
