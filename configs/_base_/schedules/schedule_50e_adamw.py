# 50 epochs of AdamW at 5e-4, a tenth from epoch 20 and again from epoch 40.
_base_ = '../default_runtime.py'

train_cfg = dict(by_epoch=True, max_epochs=50, val_interval=1)
optim_wrapper = dict(
    constructor='mmpose_gss.TrainableOptimWrapperConstructor',
    optimizer=dict(type='AdamW', lr=5e-4, weight_decay=0.01),
    # Encodings and mask tokens are not decayed, like norms and biases.
    paramwise_cfg=dict(
        norm_decay_mult=0.,
        bias_decay_mult=0.,
        custom_keys={
            'encoding.temporal': dict(decay_mult=0.),
            'patch_token': dict(decay_mult=0.),
            'frame_token': dict(decay_mult=0.)
        }),
    clip_grad=dict(max_norm=1., norm_type=2))
param_scheduler = [dict(type='MultiStepLR', begin=0, end=50, milestones=[20, 40], gamma=0.1, by_epoch=True)]
auto_scale_lr = dict(base_batch_size=16)
