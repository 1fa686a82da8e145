# 50 epochs of AdamW at 5e-4, a tenth from epoch 20 and again from epoch 40.
_base_ = './adamw.py'

max_epochs = 50
train_cfg = dict(max_epochs=max_epochs)
optim_wrapper = dict(optimizer=dict(lr=5e-4))
param_scheduler = [
    dict(type='MultiStepLR', begin=0, end=max_epochs, milestones=[20, 40], gamma=0.1, by_epoch=True)
]
