_base_ = ['../../../_base_/default_runtime.py']

# 120 epochs of AdamW at 2e-4, times 0.99 each epoch. The paper names one weight decay; by Mamba's convention what
# sets the scans' time scales is not decayed here, nor are the joint and frame tables, norms and biases.
train_cfg = dict(by_epoch=True, max_epochs=120, val_interval=1)
optim_wrapper = dict(
    constructor='mmpose_gss.TrainableOptimWrapperConstructor',
    optimizer=dict(type='AdamW', lr=2e-4, weight_decay=0.01))
# The end is given, as MMEngine would otherwise stop the decay of a run resumed for more epochs.
param_scheduler = [dict(type='ExponentialLR', gamma=0.99, begin=0, end=120, by_epoch=True)]
auto_scale_lr = dict(base_batch_size=32)
default_hooks = dict(
    checkpoint=dict(type='CheckpointHook', interval=1, max_keep_ckpts=3, save_best='lifting/MPJPE', rule='less'))
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(type='Pose3dLocalVisualizer', vis_backends=vis_backends, name='visualizer')
