# On ViTPose-B, backbone and head, trained on COCO.
_base_ = ['./poseidon.py', '../../../_base_/models/vitpose_base_encoder.py']

checkpoint = 'checkpoints/td-hm_ViTPose-base_8xb64-210e_coco-256x192-216eae50_20230314.pth'
encoder = _base_.encoder
encoder.update(deconv=None, init_cfg=dict(type='Pretrained', checkpoint=checkpoint))
encoder['backbone'].update(drop_path_rate=0.3, out_indices=(3, 7, 11))

model = dict(
    backbone=encoder,
    neck=dict(in_channels=768),
    head=dict(
        in_channels=768,
        init_cfg=dict(type='Pretrained', prefix='head.', checkpoint=checkpoint)))
