"""Metrics for the Runner."""
from mmpose_gss.evaluation.metrics.posetrack_metric import PoseTrackMetric

__all__ = ['PoseTrackMetric']
