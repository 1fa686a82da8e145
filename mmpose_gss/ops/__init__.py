"""Operators of state space models and deformable convolution; needs torch only."""
from mmpose_gss.ops.causal_conv1d import causal_conv1d
from mmpose_gss.ops.deform_conv2d import deform_conv2d
from mmpose_gss.ops.scan.api import selective_scan
from mmpose_gss.ops.scan.ordered import ordered_scan
from mmpose_gss.ops.scan.orders import (
    GLSMAMBA_ORDERS,
    GLSMAMBA_WINDOW_ORDERS,
    POSEMAMBA_ORDERS,
    ScanOrder,
    get_scan_order,
    merge_groups,
)

__all__ = [
    'GLSMAMBA_ORDERS', 'GLSMAMBA_WINDOW_ORDERS', 'POSEMAMBA_ORDERS', 'ScanOrder', 'causal_conv1d',
    'deform_conv2d', 'get_scan_order', 'merge_groups', 'ordered_scan', 'selective_scan'
]
