# On ViTPose-L, backbone and head, trained on COCO.
_base_ = ['./poseidon.py', '../../../_base_/models/vitpose_large_encoder.py']

checkpoint = 'checkpoints/td-hm_ViTPose-large_8xb64-210e_coco-256x192-53609f55_20230314.pth'
encoder = _base_.encoder
encoder.update(deconv=None, init_cfg=dict(type='Pretrained', checkpoint=checkpoint))
encoder['backbone'].update(drop_path_rate=0.5, out_indices=(7, 15, 23))

model = dict(
    backbone=encoder,
    neck=dict(in_channels=1024),
    head=dict(
        in_channels=1024,
        init_cfg=dict(type='Pretrained', prefix='head.', checkpoint=checkpoint)))
