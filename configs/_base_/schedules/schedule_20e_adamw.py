# 20 epochs of AdamW at 1e-4, a tenth from epoch 6 and again from epoch 12.
_base_ = '../default_runtime.py'

train_cfg = dict(by_epoch=True, max_epochs=20, val_interval=1)
optim_wrapper = dict(
    constructor='mmpose_gss.TrainableOptimWrapperConstructor',
    optimizer=dict(type='AdamW', lr=1e-4, weight_decay=0.01),
    # Parameters of state space layers set time scales; like norms and biases they are not decayed.
    paramwise_cfg=dict(
        norm_decay_mult=0.,
        bias_decay_mult=0.,
        custom_keys={
            'A_log': dict(decay_mult=0.),
            's6.D': dict(decay_mult=0.),
            'dt_bias': dict(decay_mult=0.),
            'embed.temporal': dict(decay_mult=0.)
        }),
    clip_grad=dict(max_norm=1., norm_type=2))
param_scheduler = [dict(type='MultiStepLR', begin=0, end=20, milestones=[6, 12], gamma=0.1, by_epoch=True)]
auto_scale_lr = dict(base_batch_size=16)
