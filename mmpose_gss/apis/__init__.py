"""Inference on videos."""
from mmpose_gss.apis.video_inferencer import VideoPoseInferencer

__all__ = ['VideoPoseInferencer']
