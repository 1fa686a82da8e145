"""DCPose (Liu et al., CVPR 2021): deep dual consecutive network, the classic of multi-frame pose estimation.

| paper | file | class |
| --- | --- | --- |
| pose temporal merger (PTM), pose residual fusion (PRF), the whole | ``dcpose_neck.py`` | ``DCPoseNeck`` |
| the residual steps blocks of both | ``residual_steps.py`` | ``ResidualSteps`` |
| pose correction network (PCN) | ``pose_correction.py`` | ``PoseCorrection`` |
| the authors' weights | ``checkpoint.py`` | ``convert`` |
"""
from mmpose_gss.models.dcpose.dcpose_neck import DCPoseNeck

__all__ = ['DCPoseNeck']
