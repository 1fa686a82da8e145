_base_ = ['./glsmamba.py', '../../../_base_/models/vitpose_huge_encoder.py']

model = dict(backbone=_base_.encoder)
