# For the authors' weights (tools/model_converters/tar_vitpose.py): tokens in the memory order of their code.
_base_ = './td-hm_TAR-ViTPose-base_1xb16-30e_posetrack17-384x288.py'

model = dict(neck=dict(official_order=True))
