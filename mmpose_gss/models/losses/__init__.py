"""Registered losses."""
from mmpose_gss.models.losses.pose_lifting_loss import PoseLiftingLoss

__all__ = ['PoseLiftingLoss']
