"""WSTS: scans inside space-time tubes, the main stream of GLSMamba's local block.

Shapes: B persons, T frames, H, W map, D channels.
"""
from __future__ import annotations

from typing import Optional, Tuple

from torch import Tensor, nn

from mmpose_gss.models.glsmamba.s6 import S6


class WSTS(nn.Module):
    """A forward and a backward scan in every tube of ``window`` pixels through all frames, added up.

    A map that is no multiple of the window has smaller tubes at its lower and right border. That is what
    padding with delta = 0 would compute (such tokens leave the state alone) without the cost of the padding.

    Args:
        embed_dims (int): D.
        window (tuple[int, int]): Rows and columns of a tube.
        d_state (int): States N of the scan.
        dt_rank (int): Rank of delta.
        scan_conv (str, optional): See :class:`~mmpose_gss.models.glsmamba.s6.S6`.
        scan_backend (str): See :class:`~mmpose_gss.models.glsmamba.s6.S6`.
    """

    def __init__(self, embed_dims: int, window: Tuple[int, int] = (8, 6), d_state: int = 16,
                 dt_rank: int = 16, scan_conv: Optional[str] = None, scan_backend: str = 'auto') -> None:
        super().__init__()
        if len(window) != 2 or min(window) < 1:
            raise ValueError(f'window must be two positive sizes (rows, columns), got {window}.')
        rows, columns = window
        orders = (f'window({rows},{columns})', f'window_reversed({rows},{columns})')
        self.s6 = S6(embed_dims, orders, merge=(0, 0), d_state=d_state, dt_rank=dt_rank,
                     scan_conv=scan_conv, scan_backend=scan_backend)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens ``(B,T,H,W,D)`` to ``(B,T,H,W,D)``."""
        return self.s6(x)[0]
