# 20 epochs of Adam, as in the authors' configs for PoseTrack18 and 21.
_base_ = '../../../_base_/default_runtime.py'

max_epochs = 20
train_cfg = dict(by_epoch=True, max_epochs=max_epochs, val_interval=1)
optim_wrapper = dict(
    constructor='mmpose_gss.TrainableOptimWrapperConstructor', optimizer=dict(type='Adam', lr=1e-4))
param_scheduler = [
    dict(type='MultiStepLR', begin=0, end=max_epochs, milestones=[4, 8, 12, 16], gamma=0.99, by_epoch=True)
]
auto_scale_lr = dict(base_batch_size=64)
