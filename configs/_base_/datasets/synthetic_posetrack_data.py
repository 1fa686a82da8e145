# Clips drawn by projects/synthetic_posetrack/generate.py.
_base_ = './posetrack_data.py'

data_root = '{{$SYNTHETIC_POSETRACK:data/synthetic_posetrack/}}'
release = dict(layout='synthetic_posetrack', data_root=data_root)
train_dataloader = dict(dataset=dict(**release, ann_file='annotations/posetrack18_train.json'))
val_dataloader = dict(dataset=dict(**release, ann_file='annotations/posetrack18_val.json'))
test_dataloader = val_dataloader

val_evaluator = dict(ann_file=f'{data_root}/annotations/posetrack18_val.json')
test_evaluator = val_evaluator
detected_boxes = dict(bbox_file='annotations/posetrack18_val_human_detections.json')
