"""Selective scans: the function, its backends and scan orders."""
from mmpose_gss.ops.scan.api import BACKENDS, selective_scan

__all__ = ['BACKENDS', 'selective_scan']
