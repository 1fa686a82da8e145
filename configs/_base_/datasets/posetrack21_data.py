# PoseTrack21 (videos of PoseTrack18), converted by tools/dataset_converters/posetrack21.py.
dataset_type = 'mmpose_gss.PoseTrackVideoDataset'
data_root = 'data/posetrack21/'

train_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        layout='posetrack21',
        data_root=data_root,
        ann_file='annotations/posetrack21_train.json',
        data_prefix=dict(img='')))
val_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type=dataset_type,
        layout='posetrack21',
        data_root=data_root,
        ann_file='annotations/posetrack21_val.json',
        data_prefix=dict(img=''),
        test_mode=True))
test_dataloader = val_dataloader

# As DCPose, Poseidon and TAR-ViTPose evaluate: joint score = heatmap maximum x box score, boxes under 0.2
# dropped, no OKS NMS.
val_evaluator = dict(
    type='mmpose_gss.PoseTrackMetric',
    ann_file=f'{data_root}annotations/posetrack21_val.json',
    score_mode='bbox_keypoint',
    bbox_score_thr=0.2,
    nms_mode='none')
test_evaluator = val_evaluator

# Published results use annotated or detected boxes, 7 to 10 mAP apart. Annotated ones are the default; for
# detected ones a config adds: test_dataloader = dict(dataset=_base_.detected_boxes)
detected_boxes = dict(
    bbox_file=f'{data_root}annotations/posetrack21_val_human_detections.json', bbox_score_thr=0.2)
