# 30 epochs of AdamW at 5e-6 for a whole pretrained model, halved every 5 epochs; everything is decayed.
_base_ = '../default_runtime.py'

max_epochs = 30
train_cfg = dict(by_epoch=True, max_epochs=max_epochs, val_interval=1)
optim_wrapper = dict(
    constructor='mmpose_gss.TrainableOptimWrapperConstructor',
    optimizer=dict(type='AdamW', lr=5e-6, betas=(0.9, 0.999), weight_decay=0.1))
param_scheduler = [dict(type='StepLR', begin=0, end=max_epochs, step_size=5, gamma=0.5, by_epoch=True)]
auto_scale_lr = dict(base_batch_size=16)
