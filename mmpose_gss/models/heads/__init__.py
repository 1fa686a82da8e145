"""Heads."""
from mmpose_gss.models.heads.temporal_heatmap_head import TemporalHeatmapHead

__all__ = ['TemporalHeatmapHead']
