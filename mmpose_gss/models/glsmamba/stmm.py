"""STMM: merging the global scans by deformable convolutions, and the plain sum it is compared with.

Shapes: B persons, T frames, H, W map, D channels, P = 9 taps of a 3×3 kernel.

```
y_s ─┬─► offsets and masks ───────────────┐          y_t ─► (the same)
     ├─► how much (gain per channel) ───┐ │
y_u ─+─► depth-wise deformable 3×3 ◄────┼─┘
                     └──────► × ◄───────┘  = m_s      = m_t          y = y_u + m_s + m_t
```
"""
from __future__ import annotations

from typing import Dict, Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from mmpose_gss.errors import UserError
from mmpose_gss.ops import deform_conv2d


class ModulationBranch(nn.Module):
    """Compensates the unified scan under the guidance of another scan's result.

    The guide decides where every token looks (a 5×5 depth-wise and a 1×1 convolution, the offset network of
    deformable attention, arXiv 2201.00520, give 9 offsets and 9 masks, shared by all channels) and how
    strongly each channel of each frame answers (mean over the frame → D/2 → D → sigmoid). The convolution
    itself is depth-wise, in every frame on its own, and samples y_u together with the guide: the plain sum,
    which it is compared with, is a special case.

    The paper says "deformable convolution guided by y_s" and, in its table, about 0.35 M parameters and
    0.7 G multiply-adds per branch over four blocks: 88 k and 11.4 k per token in a block. Here it is 82.1 k
    and 13.3 k at D = 256 (deformable convolutions are not seen by the paper's counter); the parameters that
    are not applied per token are those of the gain.

    Args:
        embed_dims (int): D.
    """

    TAPS = 9

    def __init__(self, embed_dims: int) -> None:
        super().__init__()
        self.guide_conv = nn.Conv2d(embed_dims, embed_dims, 5, padding=2, groups=embed_dims)
        self.offset_and_mask = nn.Linear(embed_dims, 3 * self.TAPS)
        self.squeeze = nn.Linear(embed_dims, embed_dims // 2)
        self.excite = nn.Linear(embed_dims // 2, embed_dims)
        self.kernel = nn.Conv2d(embed_dims, embed_dims, 3, padding=1, groups=embed_dims)
        # As in deformable convolution v2: start from the regular grid and masks of one half.
        nn.init.zeros_(self.offset_and_mask.weight)
        nn.init.zeros_(self.offset_and_mask.bias)

    def forward(self, unified: Tensor, guide: Tensor) -> Tensor:
        """Return the compensation of ``unified`` ``(B,T,H,W,D)`` by ``guide`` of the same shape."""
        b, t, h, w, d = unified.shape
        frames = (unified + guide).reshape(b * t, h, w, d).permute(0, 3, 1, 2)
        guide = guide.reshape(b * t, h, w, d).permute(0, 3, 1, 2)
        both = self.offset_and_mask(self.guide_conv(guide).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        offset, mask = both[:, :2 * self.TAPS], both[:, 2 * self.TAPS:].sigmoid()
        # Under autocast the linear layers give half precision; the convolution wants one type throughout.
        offset, mask, weight, bias = (
            value.to(frames.dtype) for value in (offset, mask, self.kernel.weight, self.kernel.bias))
        moved = deform_conv2d(frames, offset, weight, bias, padding=(1, 1), mask=mask)
        gain = self.excite(F.gelu(self.squeeze(guide.mean(dim=(2, 3))))).sigmoid()
        moved = moved.permute(0, 2, 3, 1) * gain[:, None, None]
        return moved.reshape(b, t, h, w, d)


class STMM(nn.Module):
    """Adaptive merging: y = y_u + one compensation per further scan (GLSMamba, STMM).

    Args:
        embed_dims (int): D.
        guides (Sequence[str]): Names of the scans besides the unified one.
    """

    def __init__(self, embed_dims: int, guides: Sequence[str] = ('spatial', 'temporal')) -> None:
        super().__init__()
        self.branches = nn.ModuleDict({name: ModulationBranch(embed_dims) for name in guides})

    def forward(self, scanned: Dict[str, Tensor]) -> Tensor:
        """Merge the scans' results by name, each ``(B,T,H,W,D)``; ``'unified'`` must be among them."""
        merged = unified = scanned['unified']
        for name, branch in self.branches.items():
            merged = merged + branch(unified, scanned[name])
        return merged


class SumMerge(nn.Module):
    """Plain sum of the scans: the ablation "w/o STMM"."""

    def forward(self, scanned: Dict[str, Tensor]) -> Tensor:
        """Add up the scans' results, each ``(B,T,H,W,D)``."""
        first, *others = scanned.values()
        for other in others:
            first = first + other
        return first


def build_merge(merge: str, embed_dims: int, scans: Sequence[str]) -> nn.Module:
    """Build ``'stmm'`` or ``'sum'`` for the named scans.

    Raises:
        UserError: If the name is another, or the unified scan is missing for ``'stmm'``.
    """
    if merge == 'sum':
        return SumMerge()
    if merge != 'stmm':
        raise UserError(f"merge must be 'stmm' or 'sum', got {merge!r}")
    if 'unified' not in scans:
        raise UserError(f"merge='stmm' modulates the unified scan, which is not among scans={tuple(scans)}: "
                        f"add 'unified' or use merge='sum'")
    return STMM(embed_dims, [name for name in scans if name != 'unified'])
