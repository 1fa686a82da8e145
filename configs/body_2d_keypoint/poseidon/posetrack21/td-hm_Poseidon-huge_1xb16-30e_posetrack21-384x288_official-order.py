# For the authors' weights (tools/model_converters/poseidon.py): tokens in the memory order of their code, and its
# last LayerNorm, which is tied to this input size.
_base_ = './td-hm_Poseidon-huge_1xb16-30e_posetrack21-384x288.py'

model = dict(neck=dict(official_order=True, norm_map_size=(24, 18)))
