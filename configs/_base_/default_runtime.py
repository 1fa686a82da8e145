default_scope = 'mmpose'
# MMPose's own tools read a checkpoint before they build anything; this lets them read ours on torch >= 2.6.
custom_imports = dict(imports=['mmpose_gss.engine'], allow_failed_imports=False)

# What MMPose's inferencers ask for: one person's box at a time.
data_mode = 'topdown'

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='CheckpointHook', interval=1, max_keep_ckpts=3),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    visualization=dict(type='PoseVisualizationHook', enable=False))
# The second tells in one sentence, before the first batch, where model and data do not fit.
custom_hooks = [dict(type='SyncBuffersHook'), dict(type='mmpose_gss.CheckWiringHook')]

# A fixed seed, so that a run can be repeated and an interrupted one continued.
randomness = dict(seed=0)
env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'))

visualizer = dict(
    type='PoseLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')], name='visualizer')
log_processor = dict(type='LogProcessor', window_size=50, by_epoch=True, num_digits=6)
log_level = 'INFO'
load_from = None
resume = False
backend_args = dict(backend='local')

train_cfg = dict(by_epoch=True)
val_cfg = dict()
test_cfg = dict()
