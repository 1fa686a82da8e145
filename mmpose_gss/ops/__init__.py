"""Operators of state space models and deformable convolution; needs torch only."""
from .causal_conv1d import causal_conv1d
from .deform_conv2d import deform_conv2d
from .ordered_scan import ordered_scan
from .scan_orders import (
    GLSMAMBA_ORDERS,
    GLSMAMBA_WINDOW_ORDERS,
    POSEMAMBA_ORDERS,
    ScanOrder,
    get_scan_order,
    merge_groups,
)
from .selective_scan import selective_scan

__all__ = [
    'GLSMAMBA_ORDERS', 'GLSMAMBA_WINDOW_ORDERS', 'POSEMAMBA_ORDERS', 'ScanOrder', 'causal_conv1d',
    'deform_conv2d', 'get_scan_order', 'merge_groups', 'ordered_scan', 'selective_scan'
]
