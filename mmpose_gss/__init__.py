"""Poses in video for MMPose: GLSMamba, SDTC and PoseMamba as registry modules.

Importing the package imports neither torch nor the OpenMMLab stack; ``mmpose_gss.ops`` needs torch alone.
"""
from mmpose_gss.version import __version__

__all__ = ['__version__']
