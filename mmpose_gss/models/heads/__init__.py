"""Heads."""
from mmpose_gss.models.heads.pose_mamba_regression_head import PoseMambaHead
from mmpose_gss.models.heads.temporal_heatmap_head import TemporalHeatmapHead

__all__ = ['PoseMambaHead', 'TemporalHeatmapHead']
