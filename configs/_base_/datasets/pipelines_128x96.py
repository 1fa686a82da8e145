# The papers' transforms at half size, with rotations small enough for a model trained in minutes.
frame_offsets = (-2, -1, 0, 1, 2)
codec = dict(type='mmpose.MSRAHeatmap', input_size=(96, 128), heatmap_size=(24, 32), sigma=1.5)

train_pipeline = [
    dict(type='mmpose_gss.LoadClip', num_frames=len(frame_offsets)),
    dict(type='mmpose.GetBBoxCenterScale', padding=1.25),
    dict(type='mmpose_gss.RandomClipFlip', direction='horizontal', prob=0.5),
    dict(type='mmpose_gss.ClipBBoxTransform', scale_sigma=0.15, scale_range=(0.8, 1.25), rotate_sigma=15.0,
         rotate_limit=30.0),
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
