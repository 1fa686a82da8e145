# What the schedules of GLSMamba and SDTC have in common; one adds its epochs, learning rate and steps.
_base_ = '../default_runtime.py'

train_cfg = dict(by_epoch=True, val_interval=1)
optim_wrapper = dict(
    constructor='mmpose_gss.TrainableOptimWrapperConstructor',
    optimizer=dict(type='AdamW', weight_decay=0.01),
    paramwise_cfg=dict(norm_decay_mult=0., bias_decay_mult=0.),
    clip_grad=dict(max_norm=1., norm_type=2))
auto_scale_lr = dict(base_batch_size=16)
