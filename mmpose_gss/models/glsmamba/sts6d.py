"""STS6D: the six space-time scan orders of GLSMamba's global block.

Shapes: B persons, T frames, H, W map, D channels.
"""
from __future__ import annotations

from typing import Dict, Optional, Sequence

from torch import Tensor, nn

from mmpose_gss.models.glsmamba.s6 import S6

#: Orders of every scan: the unified one traverses the panorama of all frames (side by side) along rows and
#: along columns, the spatial one frame after frame, the temporal one pixel after pixel through time first.
SCAN_PAIRS = dict(
    unified=('unified_horizontal', 'unified_vertical'),
    spatial=('spatial', 'spatial_reversed'),
    temporal=('temporal', 'temporal_reversed'))


class STS6D(nn.Module):
    """Pairs of scans with shared parameters, each pair added up: y_u, y_s, y_t.

    Args:
        embed_dims (int): D.
        scans (Sequence[str]): Some of ``'unified'``, ``'spatial'``, ``'temporal'``.
        d_state (int): States N of the scan.
        dt_rank (int): Rank of delta.
        scan_conv (str, optional): See :class:`~mmpose_gss.models.glsmamba.s6.S6`.
        scan_backend (str): See :class:`~mmpose_gss.models.glsmamba.s6.S6`.
    """

    def __init__(self, embed_dims: int, scans: Sequence[str] = ('unified', 'spatial', 'temporal'),
                 d_state: int = 16, dt_rank: int = 16, scan_conv: Optional[str] = None,
                 scan_backend: str = 'auto') -> None:
        super().__init__()
        scans = tuple(scans)
        if not scans or len(set(scans)) < len(scans) or not set(scans) <= set(SCAN_PAIRS):
            raise ValueError(f'scans must be different names out of {sorted(SCAN_PAIRS)}, got {scans}.')
        self.scans = scans
        orders = [SCAN_PAIRS[name][way] for way in (0, 1) for name in scans]
        self.s6 = S6(embed_dims, orders, merge=2 * tuple(range(len(scans))), d_state=d_state,
                     dt_rank=dt_rank, scan_conv=scan_conv, scan_backend=scan_backend)

    def forward(self, x: Tensor) -> Dict[str, Tensor]:
        """Scan ``(B,T,H,W,D)``; return the pair sums by name of the scan, each ``(B,T,H,W,D)``."""
        return dict(zip(self.scans, self.s6(x).unbind(0)))
