# Beyond the paper: Mamba's short causal convolution along every scan order.
_base_ = ['./td-hm_GLSMamba-base_1xb16-20e_posetrack17-256x192.py']

model = dict(neck=dict(scan=dict(conv='causal1d')))
