# On ViTPose-H, backbone and head, trained on COCO.
_base_ = ['./poseidon.py', '../../../_base_/models/vitpose_huge_encoder.py']

checkpoint = 'checkpoints/td-hm_ViTPose-huge_8xb64-210e_coco-256x192-e32adcd4_20230314.pth'
encoder = _base_.encoder
encoder.update(deconv=None, init_cfg=dict(type='Pretrained', checkpoint=checkpoint))
encoder['backbone'].update(drop_path_rate=0.55, out_indices=(9, 21, 31))

model = dict(
    backbone=encoder,
    neck=dict(in_channels=1280),
    head=dict(
        in_channels=1280,
        init_cfg=dict(type='Pretrained', prefix='head.', checkpoint=checkpoint)))
