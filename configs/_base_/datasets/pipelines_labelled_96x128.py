# Transforms of hand-labelled frames, whose box is the whole frame.
frame_offsets = (-4, -2, 0, 2, 4)
codec = dict(type='mmpose.MSRAHeatmap', input_size=(128, 96), heatmap_size=(32, 24), sigma=1.5, unbiased=True)

# The whole frame is the box; training jitters it. For a table with boxes set padding=1.25.
train_pipeline = [
    dict(type='mmpose_gss.LoadClip', num_frames=len(frame_offsets)),
    dict(type='mmpose.GetBBoxCenterScale', padding=1.0),
    dict(type='mmpose_gss.RandomClipFlip', direction='horizontal', prob=0.5),
    dict(type='mmpose.RandomBBoxTransform', shift_factor=0.08, shift_prob=1.0, scale_factor=(0.8, 1.25),
         scale_prob=1.0, rotate_factor=20.0, rotate_prob=0.6),
    dict(type='mmpose.TopdownAffine', input_size=codec['input_size']),
    dict(type='mmpose.GenerateTarget', encoder=codec),
    dict(type='mmpose_gss.PackClipInputs'),
]
val_pipeline = [
    dict(type='mmpose_gss.LoadClip', num_frames=len(frame_offsets)),
    dict(type='mmpose.GetBBoxCenterScale', padding=1.0),
    dict(type='mmpose.TopdownAffine', input_size=codec['input_size']),
    dict(type='mmpose_gss.PackClipInputs'),
]
