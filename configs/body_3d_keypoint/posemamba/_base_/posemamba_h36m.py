_base_ = ['posemamba_runtime.py']

num_frames = 243
embed_dims = 64
num_joints = 17
train_codec = dict(type='MotionBERTLabel', num_keypoints=num_joints, root_index=0, mode='train')
test_codec = dict(type='MotionBERTLabel', num_keypoints=num_joints, root_index=0, mode='test')

model = dict(
    type='PoseLifter',
    backbone=dict(
        type='mmpose_gss.PoseMamba', embed_dims=embed_dims, depth=10, num_frames=num_frames, num_joints=num_joints,
        in_channels=2, joint_parents='h36m'),
    head=dict(
        type='mmpose_gss.PoseMambaHead', in_channels=embed_dims, root_index=0,
        loss=dict(
            type='mmpose_gss.PoseLiftingLoss', mpjpe_weight=1., scale_weight=0.5, velocity_weight=20.,
            temporal_weight=0.5)),
    test_cfg=dict(flip_test=True))

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
    dict(type='PackPoseInputs', meta_keys=meta_keys + ('keypoint_labels', ))
]

dataset_type = 'mmpose_gss.H36MMotionBERTDataset'
data_root = 'data/motion3d/'
train_dataloader = dict(
    batch_size=4,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='h36m_sh_conf_cam_source_final.pkl',
        subset='train',
        num_frames=num_frames,
        stride=num_frames // 3,
        random_stretch=True,
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=4,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='h36m_sh_conf_cam_source_final.pkl',
        subset='test',
        num_frames=num_frames,
        pipeline=test_pipeline,
        test_mode=True))
test_dataloader = val_dataloader

val_evaluator = dict(
    type='mmpose_gss.PoseLiftingMetric',
    scores=('mpjpe', 'p-mpjpe', 'mpjve'),
    skip_list=('s_09_act_05_subact_02', 's_09_act_10_subact_02', 's_09_act_13_subact_01'))
test_evaluator = val_evaluator
