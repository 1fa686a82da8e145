# Sub-JHMDB, first of three splits, converted by tools/dataset_converters/sub_jhmdb.py. Results are the mean of
# the splits, each with a model of its own: a config overrides `ann_file` and `split`.
dataset_type = 'mmpose_gss.SubJHMDBVideoDataset'
data_root = 'data/jhmdb/'

train_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='annotations/Sub1_train.json',
        data_prefix=dict(img='')))
val_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='annotations/Sub1_test.json',
        data_prefix=dict(img=''),
        test_mode=True))
test_dataloader = val_dataloader

val_evaluator = dict(type='mmpose_gss.JHMDBPCKMetric', thr=0.2, norm_item=('bbox', 'torso'), split=1)
test_evaluator = val_evaluator
