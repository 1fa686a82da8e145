_base_ = ['posemamba_h36m.py']

num_frames = 81
root_index = 14
train_codec = dict(type='MotionBERTLabel', num_keypoints=_base_.num_joints, root_index=root_index, mode='train')
test_codec = dict(type='MotionBERTLabel', num_keypoints=_base_.num_joints, root_index=root_index, mode='test')

model = dict(
    backbone=dict(num_frames=num_frames, joint_parents='mpi_inf_3dhp'),
    head=dict(
        root_index=root_index,
        # Human3.6M's weights, joint by joint.
        loss=dict(joint_weights=(1.5, 1, 1.5, 4, 4, 1.5, 4, 4, 1, 2.5, 2.5, 1, 2.5, 2.5, 1, 1, 1))))

meta_keys = ('id', 'category_id', 'target_img_path', 'flip_indices', 'factor', 'camera_param', 'frame_ids', 'action',
             'sequence')
train_pipeline = [
    dict(type='GenerateTarget', encoder=train_codec),
    dict(
        type='RandomFlipAroundRoot', flip_prob=0.5, flip_label=True,
        keypoints_flip_cfg=dict(center_mode='static', center_x=0.),
        target_flip_cfg=dict(center_mode='static', center_x=0.)),
    dict(type='PackPoseInputs', meta_keys=meta_keys)
]
test_pipeline = [
    dict(type='GenerateTarget', encoder=test_codec),
    dict(type='PackPoseInputs', meta_keys=meta_keys)
]

dataset_type = 'mmpose_gss.Mpi3dhpClipDataset'
data_root = 'data/mpi_inf_3dhp/'
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type=dataset_type,
        data_root=data_root,
        ann_file='annotations/mpi_inf_3dhp_train.npz',
        num_frames=num_frames,
        stride=num_frames // 3,
        keep_tail=True,
        pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type=dataset_type,
        data_root=data_root,
        ann_file='annotations/mpi_inf_3dhp_test.npz',
        num_frames=num_frames,
        keep_tail=True,
        pipeline=test_pipeline,
        test_mode=True))
test_dataloader = val_dataloader

val_evaluator = dict(
    _delete_=True,
    type='mmpose_gss.PoseLiftingMetric',
    scores=('mpjpe', 'p-mpjpe', 'mpjve', 'pck', 'auc'),
    root_index=root_index)
test_evaluator = val_evaluator
