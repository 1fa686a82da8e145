_base_ = ['./glsmamba.py', '../../../_base_/models/vitpose_small_encoder.py']

model = dict(backbone=_base_.encoder)
