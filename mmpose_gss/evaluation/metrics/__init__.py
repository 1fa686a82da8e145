"""Metrics for the Runner."""
from mmpose_gss.evaluation.metrics.jhmdb_pck_metric import JHMDBPCKMetric
from mmpose_gss.evaluation.metrics.pose_lifting_metric import PoseLiftingMetric
from mmpose_gss.evaluation.metrics.posetrack_metric import PoseTrackMetric

__all__ = ['JHMDBPCKMetric', 'PoseLiftingMetric', 'PoseTrackMetric']
