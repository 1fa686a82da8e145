# Sub-JHMDB, first of three splits, converted by tools/dataset_converters/sub_jhmdb.py. Results are the mean of
# the splits, each with a model of its own: a config overrides `ann_file` and `split`.
_base_ = './video_loaders.py'

num_joints = 15
dataset_type = 'mmpose_gss.SubJHMDBVideoDataset'  # MMPose's inferencer asks for this name
data_root = 'data/jhmdb/'
release = dict(type=dataset_type, data_root=data_root)
train_dataloader = dict(dataset=dict(**release, ann_file='annotations/Sub1_train.json'))
val_dataloader = dict(dataset=dict(**release, ann_file='annotations/Sub1_test.json'))
test_dataloader = val_dataloader

val_evaluator = dict(type='mmpose_gss.JHMDBPCKMetric', thr=0.2, norm_item=('bbox', 'torso'), split=1)
test_evaluator = val_evaluator
