"""PoseMamba (AAAI 2025): 2D joint sequences to 3D."""
from mmpose_gss.models.posemamba.pose_lifting_loss import PoseLiftingLoss
from mmpose_gss.models.posemamba.pose_mamba import PoseMamba
from mmpose_gss.models.posemamba.pose_mamba_head import PoseMambaHead

__all__ = ['PoseLiftingLoss', 'PoseMamba', 'PoseMambaHead']
