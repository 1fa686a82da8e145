"""PoseMamba's bidirectional global-local block (Huang et al., AAAI 2025, arXiv 2408.03540, section 3.3).

```
x ── LayerNorm ── mixer ──(+)── LayerNorm ── MLP ──(+)──
└───────────────────────┘ └──────────────────────┘

mixer: Linear ─┬─ 3×3 depth-wise conv ── SiLU ── four scans, summed ── LayerNorm ──(×)── Linear
               └─ SiLU ───────────────────────────────────────────────────────────┘
```

The official code runs the same block as "spatial" and as "temporal" block (``BiSTSSMBlock`` with forward
type ``v2_plus_poselimbs``).

Shapes: B clips, T frames, J joints, C channels of the block, D = 2C inner channels.
"""
from __future__ import annotations

import math
from typing import Optional, Sequence

import torch
from mmcv.cnn.bricks import DropPath
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F

from mmpose_gss.models.layers.mlp import MLP
from mmpose_gss.models.layers.selective_scan import SelectiveScan
from mmpose_gss.ops.scan.orders import POSEMAMBA_ORDERS


class PoseMambaMixer(BaseModule):
    """Selective scans over the T×J grid along four orders, with limb reordering.

    The spatial orders read each joint's token plus its parent's, ``x + x[parents]``; the temporal ones read
    ``x``. Gradients of the reordering are exact (the official backward pass drops the parent's share).

    Args:
        embed_dims (int): C.
        joint_parents (Sequence[int]): The parent of each of the J joints.
        expand (float): D / C.
        scan (dict, optional): ``d_state``, ``dt_rank`` (``ceil(C / 16)``) and ``backend`` of
            :class:`~mmpose_gss.models.layers.selective_scan.SelectiveScan`.
    """

    def __init__(self, embed_dims: int, joint_parents: Sequence[int], expand: float = 2.0,
                 scan: Optional[dict] = None) -> None:
        super().__init__()
        inner = int(expand * embed_dims)
        self.register_buffer('parents', torch.tensor(joint_parents), persistent=False)
        self.in_proj = nn.Linear(embed_dims, 2 * inner, bias=False)
        self.conv = nn.Conv2d(inner, inner, 3, padding=1, groups=inner)
        self.out_norm = nn.LayerNorm(inner)
        self.out_proj = nn.Linear(inner, embed_dims, bias=False)
        scan = {'dt_rank': math.ceil(embed_dims / 16), **(scan or {})}
        self.scan = SelectiveScan(
            inner, POSEMAMBA_ORDERS, merge=(0, ) * len(POSEMAMBA_ORDERS), shared=False, **scan)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B,T,J,C)`` to ``(B,T,J,C)``."""
        x, z = self.in_proj(x).chunk(2, dim=-1)  # (B,T,J,D) each
        x = F.silu(self.conv(x.permute(0, 3, 1, 2))).permute(0, 2, 3, 1)
        y = self.out_norm(self.scan_all(x)).to(z.dtype) * F.silu(z)
        return self.out_proj(y)

    def scan_all(self, x: Tensor) -> Tensor:
        """Sum the four scans, in float32 at least.

        Args:
            x (Tensor): ``(B,T,J,D)``.

        Returns:
            Tensor: ``(B,T,J,D)``, float32 (float64 if x is).
        """
        with torch.autocast('cpu' if x.is_meta else x.device.type, enabled=False):
            x = x.to(torch.promote_types(x.dtype, torch.float32))
            limbs = x + x.index_select(2, self.parents)
            return self._scan(limbs, 0) + self._scan(x, 1)

    def _scan(self, x: Tensor, first: int) -> Tensor:
        """Scan along order ``first`` and its reverse, ``first + 2``."""
        out = self.scan(x.unsqueeze(2).contiguous(), slice(first, None, 2))  # (1,B,T,1,J,D)
        return out[0].squeeze(2)


class PoseMambaBlock(BaseModule):
    """Mixer and MLP, each pre-normed and residual.

    Args:
        embed_dims (int): C.
        joint_parents (Sequence[int]): The parent of each joint.
        mlp_ratio (float): Hidden channels of the MLP over C.
        drop_path (float): Probability of dropping a residual branch while training.
        expand (float): Inner channels of the mixer over C.
        scan (dict, optional): As in :class:`PoseMambaMixer`.
    """

    def __init__(self, embed_dims: int, joint_parents: Sequence[int], mlp_ratio: float = 2.0,
                 drop_path: float = 0.0, expand: float = 2.0, scan: Optional[dict] = None) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(embed_dims, eps=1e-6)
        self.mixer = PoseMambaMixer(embed_dims, joint_parents, expand, scan)
        self.norm2 = nn.LayerNorm(embed_dims, eps=1e-6)
        self.mlp = MLP(embed_dims, mlp_ratio)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B,T,J,C)`` to ``(B,T,J,C)``."""
        x = x + self.drop_path(self.mixer(self.norm1(x)))
        return x + self.drop_path(self.mlp(self.norm2(x)))
