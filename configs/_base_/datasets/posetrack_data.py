# What all releases of PoseTrack share; a release adds its names.
_base_ = './video_loaders.py'

num_joints = 17
# MMPose's inferencer asks for this name.
dataset_type = 'mmpose_gss.PoseTrackVideoDataset'
train_dataloader = dict(dataset=dict(type=dataset_type))
val_dataloader = dict(dataset=dict(type=dataset_type))
test_dataloader = val_dataloader

# As DCPose, Poseidon and TAR-ViTPose evaluate: joint score = heatmap maximum x box score, boxes under 0.2
# dropped, no OKS NMS.
val_evaluator = dict(
    type='mmpose_gss.PoseTrackMetric', score_mode='bbox_keypoint', bbox_score_thr=0.2, nms_mode='none')
test_evaluator = val_evaluator

# Published results use annotated or detected boxes, 7 to 10 mAP apart. Annotated ones are the default; for
# detected ones a config adds: test_dataloader = dict(dataset=_base_.detected_boxes); the file is in data_root.
detected_boxes = dict(bbox_score_thr=0.2)
