# On ViTPose-S, backbone and head, trained on COCO.
_base_ = ['./tar_vitpose.py', '../../../_base_/models/vitpose_small_encoder.py']

checkpoint = 'checkpoints/td-hm_ViTPose-small_8xb64-210e_coco-256x192-62d7a712_20230314.pth'
encoder = _base_.encoder
encoder.update(deconv=None, init_cfg=dict(type='Pretrained', checkpoint=checkpoint))
encoder['backbone'].update(drop_path_rate=0.1)

model = dict(
    backbone=encoder,
    neck=dict(
        in_channels=384,
        heatmap_head=dict(
            in_channels=384,
            init_cfg=dict(type='Pretrained', prefix='head.', checkpoint=checkpoint))))
