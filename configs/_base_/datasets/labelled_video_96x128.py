# A folder of hand-labelled frames of videos, LABELLED_VIDEO, with LABELLED_VIDEO_POINTS points in its table
# (docs/labelled_video.md). A fifth of its groups (speakers, animals; videos if the table names none) is held
# out for validation.
_base_ = './video_loaders.py'

num_joints = int('{{$LABELLED_VIDEO_POINTS:8}}')
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

dataset_type = 'mmpose_gss.LabelledVideoDataset'  # MMPose's inferencer asks for this name
data_root = '{{$LABELLED_VIDEO:data/labelled_video/}}'
release = dict(
    type=dataset_type, data_root=data_root, num_points=num_joints, fold=(0, 5), frame_offsets=frame_offsets)
train_dataloader = dict(batch_size=8, num_workers=1, dataset=dict(**release, pipeline=train_pipeline))
val_dataloader = dict(batch_size=8, num_workers=1, dataset=dict(**release, pipeline=val_pipeline))
test_dataloader = val_dataloader

val_evaluator = [dict(type='mmpose.EPE')]  # mean distance to the labels in pixels
test_evaluator = val_evaluator
