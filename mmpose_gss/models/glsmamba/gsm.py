"""Global Spatiotemporal Mamba (GSM) block of GLSMamba."""
from __future__ import annotations

from typing import Optional, Sequence

from torch import nn

from mmpose_gss.models.glsmamba.channel_attention import SequentialChannelAttention
from mmpose_gss.models.glsmamba.stmm import build_merge
from mmpose_gss.models.glsmamba.sts6d import STS6D
from mmpose_gss.models.glsmamba.two_stream_block import TwoStreamBlock


class GSM(TwoStreamBlock):
    """Two-stream block whose main stream is channel attention → six scans → adaptive merging.

    Args:
        embed_dims (int): D.
        num_frames (int): T.
        scans (Sequence[str]): See :class:`~mmpose_gss.models.glsmamba.sts6d.STS6D`.
        merge (str): ``'stmm'`` or ``'sum'``.
        d_state (int): States N of the scan.
        dt_rank (int): Rank of delta.
        ffn_ratio (float): Hidden width of the FFN in units of D.
        sca_ratio (float): Hidden width of the channel attention in units of T·D.
        drop_path (float): Probability of dropping a residual branch.
        scan_conv (str, optional): See :class:`~mmpose_gss.models.glsmamba.s6.S6`.
        scan_backend (str): See :class:`~mmpose_gss.models.glsmamba.s6.S6`.
    """

    def __init__(self, embed_dims: int, num_frames: int,
                 scans: Sequence[str] = ('unified', 'spatial', 'temporal'), merge: str = 'stmm',
                 d_state: int = 16, dt_rank: int = 16, ffn_ratio: float = 3.25, sca_ratio: float = 0.45,
                 drop_path: float = 0., scan_conv: Optional[str] = None, scan_backend: str = 'auto') -> None:
        main = nn.Sequential(
            SequentialChannelAttention(embed_dims, num_frames, sca_ratio),
            STS6D(embed_dims, scans, d_state, dt_rank, scan_conv, scan_backend),
            build_merge(merge, embed_dims, scans))
        super().__init__(main, embed_dims, ffn_ratio, drop_path)
