"""GLSMamba's two blocks and their streams.

Shapes: B persons, T frames, H, W map, D channels.

```
x ─► LayerNorm ─┬─► main stream (scans) ──► × ─► linear ─► + ─► LayerNorm ─► MLP ─► + ─►
 │              └─► gate stream ────────────┘              │ │                      │
 └─────────────────────────────────────────────────────────┘ └──────────────────────┘

main stream of GSM: channel attention ─► six scans ─► adaptive merging
            of LRM: scans in space-time tubes
```
"""
from __future__ import annotations

from typing import Dict, Optional, Sequence, Tuple

import torch.nn.functional as F
from mmcv.cnn.bricks import DropPath
from torch import Tensor, nn

from mmpose_gss.errors import UserError
from mmpose_gss.models.glsmamba.stmm import build_merge
from mmpose_gss.models.layers.mlp import MLP
from mmpose_gss.models.layers.selective_scan import SelectiveScan

#: Orders of every scan: the unified one traverses the panorama of all frames (side by side) along rows and
#: along columns, the spatial one frame after frame, the temporal one pixel after pixel through time first.
SCAN_PAIRS = dict(
    unified=('unified_horizontal', 'unified_vertical'),
    spatial=('spatial', 'spatial_reversed'),
    temporal=('temporal', 'temporal_reversed'))


class GateStream(nn.Module):
    """Depth-wise 3×3 convolution in every frame → LayerNorm → SiLU (GSM and LRM).

    Args:
        embed_dims (int): D.
        kernel_size (int): Odd size of the convolution.
    """

    def __init__(self, embed_dims: int, kernel_size: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            embed_dims, embed_dims, kernel_size, padding=kernel_size // 2, groups=embed_dims)
        self.norm = nn.LayerNorm(embed_dims)

    def forward(self, x: Tensor) -> Tensor:
        """Return the gate ``(B,T,H,W,D)`` for tokens ``(B,T,H,W,D)``."""
        b, t, h, w, d = x.shape
        # As (N,D,H,W) the tokens are in PyTorch's channels-last format already: no copy on either side.
        frames = x.reshape(b * t, h, w, d).permute(0, 3, 1, 2)
        local = self.conv(frames).permute(0, 2, 3, 1).reshape(b, t, h, w, d)
        return F.silu(self.norm(local))


class TwoStreamBlock(nn.Module):
    """Main stream times gate stream, then MLP; pre-norm and residual.

    The linear map behind the product is Mamba's output projection: without it nothing but the MLP would mix
    channels, and the paper's count of operations would not be reached.

    Args:
        main (nn.Module): The main stream, ``(B,T,H,W,D)`` to ``(B,T,H,W,D)``.
        embed_dims (int): D.
        ffn_ratio (float): Hidden width of the MLP in units of D.
        drop_path (float): Probability of dropping a residual branch of a sample in training.
    """

    def __init__(self, main: nn.Module, embed_dims: int, ffn_ratio: float, drop_path: float = 0.) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(embed_dims)
        self.main = main
        self.gate = GateStream(embed_dims)
        self.out_proj = nn.Linear(embed_dims, embed_dims, bias=False)
        self.norm2 = nn.LayerNorm(embed_dims)
        self.ffn = MLP(embed_dims, ffn_ratio)
        self.drop_path = DropPath(drop_path) if drop_path > 0 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens ``(B,T,H,W,D)`` to ``(B,T,H,W,D)``."""
        y = self.norm1(x)
        x = x + self.drop_path(self.out_proj(self.main(y) * self.gate(y)))
        return x + self.drop_path(self.ffn(self.norm2(x)))


class SequentialChannelAttention(nn.Module):
    """One weight per frame and channel, decided from all frames together (SCA).

    The frames' features are averaged over space, concatenated to T·D numbers and passed through an MLP
    ``T·D → ratio·T·D → T·D`` and a sigmoid. Unlike squeeze-and-excitation a frame's weights thus depend on
    the other frames, so a blurred frame can be turned down in favour of a sharp one.

    The paper names the operations, not the widths. ``ratio = 0.45`` is what its table leaves for this
    module: 9.1 M parameters of which 3.1 M are applied to every token (README of the algorithm).

    Args:
        embed_dims (int): D.
        num_frames (int): T.
        ratio (float): Width of the hidden layer in units of T·D.
    """

    def __init__(self, embed_dims: int, num_frames: int, ratio: float = 0.45) -> None:
        super().__init__()
        width = embed_dims * num_frames
        hidden = max(1, round(width * ratio))
        self.squeeze = nn.Linear(width, hidden)
        self.excite = nn.Linear(hidden, width)

    def weights(self, x: Tensor) -> Tensor:
        """Return the weights in (0, 1), ``(B,T,D)``, for tokens ``(B,T,H,W,D)``."""
        b, t, _, _, d = x.shape
        pooled = x.mean(dim=(2, 3)).reshape(b, t * d)
        return self.excite(F.gelu(self.squeeze(pooled))).sigmoid().view(b, t, d)

    def forward(self, x: Tensor) -> Tensor:
        """Weigh ``(B,T,H,W,D)`` by frame and channel."""
        return x * self.weights(x)[:, :, None, None]


class STS6D(nn.Module):
    """Pairs of scans with shared parameters, each pair added up: y_u, y_s, y_t.

    In the paper's table further orders cost neither parameters nor counted operations.

    Args:
        embed_dims (int): D.
        scans (Sequence[str]): Some of ``'unified'``, ``'spatial'``, ``'temporal'``.
        scan (dict, optional): ``d_state``, ``dt_rank``, ``conv``, ``backend`` of
            :class:`~mmpose_gss.models.layers.selective_scan.SelectiveScan`.

    Raises:
        UserError: If a scan is unknown or named twice.
    """

    def __init__(self, embed_dims: int, scans: Sequence[str] = ('unified', 'spatial', 'temporal'),
                 scan: Optional[dict] = None) -> None:
        super().__init__()
        scans = tuple(scans)
        if not scans or len(set(scans)) < len(scans) or not set(scans) <= set(SCAN_PAIRS):
            raise UserError(f'scans must be different names out of {sorted(SCAN_PAIRS)}, got {scans}')
        self.scans = scans
        orders = [SCAN_PAIRS[name][way] for way in (0, 1) for name in scans]
        self.s6 = SelectiveScan(embed_dims, orders, merge=2 * tuple(range(len(scans))), **(scan or {}))

    def forward(self, x: Tensor) -> Dict[str, Tensor]:
        """Scan ``(B,T,H,W,D)``; return the pair sums by name of the scan, each ``(B,T,H,W,D)``."""
        return dict(zip(self.scans, self.s6(x).unbind(0)))


class WSTS(nn.Module):
    """A forward and a backward scan in every tube of ``window`` pixels through all frames, added up.

    A map that is no multiple of the window has smaller tubes at its lower and right border. That is what
    padding with delta = 0 would compute (such tokens leave the state alone) without the cost of the padding.

    Args:
        embed_dims (int): D.
        window (tuple[int, int]): Rows and columns of a tube.
        scan (dict, optional): As in :class:`STS6D`.

    Raises:
        UserError: If the window is not two positive sizes.
    """

    def __init__(self, embed_dims: int, window: Tuple[int, int] = (8, 6),
                 scan: Optional[dict] = None) -> None:
        super().__init__()
        if len(window) != 2 or min(window) < 1:
            raise UserError(f'window must be two positive sizes (rows, columns), got {window}')
        rows, columns = window
        orders = (f'window({rows},{columns})', f'window_reversed({rows},{columns})')
        self.s6 = SelectiveScan(embed_dims, orders, merge=(0, 0), **(scan or {}))

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens ``(B,T,H,W,D)`` to ``(B,T,H,W,D)``."""
        return self.s6(x)[0]


class GSM(TwoStreamBlock):
    """Global Spatiotemporal Mamba: channel attention → six scans → adaptive merging.

    Args:
        embed_dims (int): D.
        num_frames (int): T.
        scans (Sequence[str]): See :class:`STS6D`.
        merge (str): ``'stmm'`` or ``'sum'``.
        scan (dict, optional): As in :class:`STS6D`.
        ffn_ratio (float): Hidden width of the MLP in units of D.
        sca_ratio (float): Hidden width of the channel attention in units of T·D.
        drop_path (float): Probability of dropping a residual branch.
    """

    def __init__(self, embed_dims: int, num_frames: int,
                 scans: Sequence[str] = ('unified', 'spatial', 'temporal'), merge: str = 'stmm',
                 scan: Optional[dict] = None, ffn_ratio: float = 3.25, sca_ratio: float = 0.45,
                 drop_path: float = 0.) -> None:
        main = nn.Sequential(
            SequentialChannelAttention(embed_dims, num_frames, sca_ratio), STS6D(embed_dims, scans, scan),
            build_merge(merge, embed_dims, scans))
        super().__init__(main, embed_dims, ffn_ratio, drop_path)


class LRM(TwoStreamBlock):
    """Local Refinement Mamba: scans inside space-time tubes; no channel attention.

    Args:
        embed_dims (int): D.
        window (tuple[int, int]): Rows and columns of a tube.
        scan (dict, optional): As in :class:`STS6D`.
        ffn_ratio (float): Hidden width of the MLP in units of D.
        drop_path (float): Probability of dropping a residual branch.
    """

    def __init__(self, embed_dims: int, window: Tuple[int, int] = (8, 6), scan: Optional[dict] = None,
                 ffn_ratio: float = 3.25, drop_path: float = 0.) -> None:
        super().__init__(WSTS(embed_dims, window, scan), embed_dims, ffn_ratio, drop_path)
