# On HRNet-W48 and its head, both trained on COCO and frozen.
_base_ = './dcpose.py'

checkpoint = 'checkpoints/td-hm_hrnet-w48_8xb32-210e_coco-384x288-c161b7de_20220915.pth'
model = dict(
    backbone=dict(
        type='mmpose_gss.DeconvEncoder',
        init_cfg=dict(type='Pretrained', checkpoint=checkpoint),
        backbone=dict(
            type='HRNet',
            in_channels=3,
            extra=dict(
                stage1=dict(
                    num_modules=1, num_branches=1, block='BOTTLENECK', num_blocks=(4, ), num_channels=(64, )),
                stage2=dict(
                    num_modules=1, num_branches=2, block='BASIC', num_blocks=(4, 4), num_channels=(48, 96)),
                stage3=dict(
                    num_modules=4, num_branches=3, block='BASIC', num_blocks=(4, 4, 4),
                    num_channels=(48, 96, 192)),
                stage4=dict(
                    num_modules=3, num_branches=4, block='BASIC', num_blocks=(4, 4, 4, 4),
                    num_channels=(48, 96, 192, 384))))),
    neck=dict(
        in_channels=48,
        rough_head=dict(
            in_channels=48, init_cfg=dict(type='Pretrained', prefix='head.', checkpoint=checkpoint))))
