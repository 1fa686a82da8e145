_base_ = ['./glsmamba.py', '../../../_base_/models/vitpose_large_encoder.py']

model = dict(backbone=_base_.encoder)
