# 20 epochs of AdamW at 1e-4, a tenth from epoch 6 and again from epoch 12.
_base_ = './adamw.py'

max_epochs = 20
train_cfg = dict(max_epochs=max_epochs)
optim_wrapper = dict(optimizer=dict(lr=1e-4))
param_scheduler = [
    dict(type='MultiStepLR', begin=0, end=max_epochs, milestones=[6, 12], gamma=0.1, by_epoch=True)
]
