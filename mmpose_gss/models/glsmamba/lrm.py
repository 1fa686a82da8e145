"""Local Refinement Mamba (LRM) block of GLSMamba."""
from __future__ import annotations

from typing import Optional, Tuple

from mmpose_gss.models.glsmamba.two_stream_block import TwoStreamBlock
from mmpose_gss.models.glsmamba.wsts import WSTS


class LRM(TwoStreamBlock):
    """Two-stream block whose main stream scans inside space-time tubes; no channel attention.

    Args:
        embed_dims (int): D.
        window (tuple[int, int]): Rows and columns of a tube.
        d_state (int): States N of the scan.
        dt_rank (int): Rank of delta.
        ffn_ratio (float): Hidden width of the FFN in units of D.
        drop_path (float): Probability of dropping a residual branch.
        scan_conv (str, optional): See :class:`~mmpose_gss.models.glsmamba.s6.S6`.
        scan_backend (str): See :class:`~mmpose_gss.models.glsmamba.s6.S6`.
    """

    def __init__(self, embed_dims: int, window: Tuple[int, int] = (8, 6), d_state: int = 16,
                 dt_rank: int = 16, ffn_ratio: float = 3.25, drop_path: float = 0.,
                 scan_conv: Optional[str] = None, scan_backend: str = 'auto') -> None:
        main = WSTS(embed_dims, window, d_state, dt_rank, scan_conv, scan_backend)
        super().__init__(main, embed_dims, ffn_ratio, drop_path)
