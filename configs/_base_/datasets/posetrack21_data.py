# PoseTrack21 (videos of PoseTrack18), converted by tools/dataset_converters/posetrack21.py.
_base_ = './posetrack_data.py'

data_root = 'data/posetrack21/'
release = dict(layout='posetrack21', data_root=data_root)
train_dataloader = dict(dataset=dict(**release, ann_file='annotations/posetrack21_train.json'))
val_dataloader = dict(dataset=dict(**release, ann_file='annotations/posetrack21_val.json'))
test_dataloader = val_dataloader

val_evaluator = dict(ann_file=f'{data_root}annotations/posetrack21_val.json')
test_evaluator = val_evaluator
detected_boxes = dict(bbox_file='annotations/posetrack21_val_human_detections.json')
