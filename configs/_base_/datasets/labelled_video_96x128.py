# A folder of hand-labelled frames of videos, LABELLED_VIDEO, with LABELLED_VIDEO_POINTS points in its table
# (docs/labelled_video.md). A fifth of its groups (speakers, animals; videos if the table names none) is held
# out for validation.
_base_ = ['./video_loaders.py', './pipelines_labelled_96x128.py']

num_joints = int('{{$LABELLED_VIDEO_POINTS:8}}')
dataset_type = 'mmpose_gss.LabelledVideoDataset'  # MMPose's inferencer asks for this name
data_root = '{{$LABELLED_VIDEO:data/labelled_video/}}'
release = dict(
    type=dataset_type, data_root=data_root, num_points=num_joints, fold=(0, 5), frame_offsets=_base_.frame_offsets)
train_dataloader = dict(batch_size=8, num_workers=1, dataset=dict(**release, pipeline=_base_.train_pipeline))
val_dataloader = dict(batch_size=8, num_workers=1, dataset=dict(**release, pipeline=_base_.val_pipeline))
test_dataloader = val_dataloader

val_evaluator = [dict(type='mmpose.EPE')]  # mean distance to the labels in pixels
test_evaluator = val_evaluator
