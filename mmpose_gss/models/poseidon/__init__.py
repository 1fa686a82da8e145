"""Poseidon (Pace et al. 2025, arXiv 2501.08446): several depths of ViTPose, weighted frames, cross-attention.

| paper | file | class |
| --- | --- | --- |
| multi-scale feature fusion (MSFF) | ``multi_scale_fusion.py`` | ``MultiScaleFusion`` |
| adaptive frame weighting (AFW) | ``frame_weighting.py`` | ``FrameWeighting`` |
| cross-attention between frames, the whole | ``poseidon_neck.py`` | ``PoseidonNeck`` |
| the authors' weights | ``checkpoint.py`` | ``convert`` |
"""
from mmpose_gss.models.poseidon.poseidon_neck import PoseidonNeck

__all__ = ['PoseidonNeck']
