# A person detector small enough to be trained from scratch on two CPU cores in two minutes.
_base_ = ['mmdet::rtmdet/rtmdet_tiny_8xb32-300e_coco.py']

data_root = '{{$SYNTHETIC_POSETRACK:data/synthetic_posetrack/}}'
input_size = (256, 256)
max_iters = 260
classes = dict(classes=('person', ), palette=[(220, 20, 60)])
norm_cfg = dict(type='BN')

model = dict(
    backbone=dict(deepen_factor=0.167, widen_factor=0.25, norm_cfg=norm_cfg, init_cfg=None),
    neck=dict(in_channels=[64, 128, 256], out_channels=64, num_csp_blocks=1, norm_cfg=norm_cfg),
    bbox_head=dict(in_channels=64, feat_channels=64, num_classes=1, norm_cfg=norm_cfg),
    test_cfg=dict(nms_pre=1000, score_thr=0.05, max_per_img=50))

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='RandomResize', scale=input_size, ratio_range=(0.8, 1.3), keep_ratio=True),
    dict(type='RandomCrop', crop_size=input_size),
    dict(type='YOLOXHSVRandomAug'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='Pad', size=input_size, pad_val=dict(img=(114, 114, 114))),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=input_size, keep_ratio=True),
    dict(type='Pad', size=input_size, pad_val=dict(img=(114, 114, 114))),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')),
]

dataset_type = 'CocoDataset'
train_dataloader = dict(
    batch_size=8, num_workers=1, pin_memory=False, persistent_workers=True,
    sampler=dict(_delete_=True, type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type=dataset_type, data_root=data_root, metainfo=classes, ann_file='annotations/posetrack18_train.json',
        data_prefix=dict(img=''), pipeline=train_pipeline, filter_cfg=dict(filter_empty_gt=False, min_size=8)))
val_dataloader = dict(
    batch_size=8, num_workers=1,
    dataset=dict(
        type=dataset_type, data_root=data_root, metainfo=classes, ann_file='annotations/posetrack18_val.json',
        data_prefix=dict(img=''), pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(
    ann_file=data_root + '/annotations/posetrack18_val.json', metric='bbox', format_only=False)
test_evaluator = val_evaluator

optim_wrapper = dict(optimizer=dict(lr=0.003))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=20),
    dict(type='CosineAnnealingLR', eta_min=3e-5, begin=20, end=max_iters, T_max=max_iters - 20, by_epoch=False),
]
train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters)
default_hooks = dict(
    logger=dict(interval=20), checkpoint=dict(by_epoch=False, interval=max_iters // 2, max_keep_ckpts=1))
custom_hooks = []
custom_imports = dict(imports=['mmpose_gss.engine'], allow_failed_imports=False)
randomness = dict(seed=0)
log_processor = dict(by_epoch=False, window_size=20)
