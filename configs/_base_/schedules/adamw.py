# What the schedules of GLSMamba and SDTC have in common; one adds its epochs, learning rate and steps. The
# constructor decays neither norms and biases nor parameters that say so (time scales, encodings, mask tokens).
_base_ = '../default_runtime.py'

train_cfg = dict(by_epoch=True, val_interval=1)
optim_wrapper = dict(
    constructor='mmpose_gss.TrainableOptimWrapperConstructor',
    optimizer=dict(type='AdamW', weight_decay=0.01),
    clip_grad=dict(max_norm=1., norm_type=2))
auto_scale_lr = dict(base_batch_size=16)
