# Ablation "encoder only": the key frame by itself, no neck.
_base_ = ['./td-hm_GLSMamba-base_1xb16-20e_posetrack17-256x192.py']

model = dict(_delete_=True, **{key: value for key, value in _base_.model.items() if key != 'neck'})
