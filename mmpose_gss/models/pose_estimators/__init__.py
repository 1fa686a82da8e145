"""Pose estimators."""
from mmpose_gss.models.pose_estimators.video_topdown import VideoTopdownPoseEstimator

__all__ = ['VideoTopdownPoseEstimator']
