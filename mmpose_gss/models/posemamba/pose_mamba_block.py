"""PoseMamba's bidirectional global-local block (Huang et al., AAAI 2025, arXiv 2408.03540, section 3.3).

    x ── LayerNorm ── mixer ──(+)── LayerNorm ── MLP ──(+)──
    └───────────────────────┘ └──────────────────────┘

    mixer: Linear ─┬─ 3×3 depth-wise conv ── SiLU ── four scans, summed ── LayerNorm ──(×)── Linear
                   └─ SiLU ───────────────────────────────────────────────────────────┘

The official code runs the same block as "spatial" and as "temporal" block (``BiSTSSMBlock`` with forward
type ``v2_plus_poselimbs``).

Shapes: B clips, T frames, J joints, C channels of the block, D = 2C inner channels, N states, R rank of Δ,
K = 4 scan orders.
"""
import math

import torch
from mmcv.cnn.bricks import DropPath
from mmengine.model import BaseModule
from torch import nn
from torch.nn import functional as F

from mmpose_gss.ops import ordered_scan
from mmpose_gss.ops.scan.orders import POSEMAMBA_ORDERS


class PoseMambaMixer(BaseModule):
    """Selective scans over the T×J grid along four orders, with limb reordering.

    The spatial orders read each joint's token plus its parent's, ``x + x[parents]``; the temporal ones read
    ``x``. Gradients of the reordering are exact (the official backward drops the parent's share).

    Args:
        embed_dim (int): C.
        joint_parents (Sequence[int]): The parent of each of the J joints.
        d_state (int): N.
        expand (float): D / C.
        dt_rank (int, optional): R; ``None`` is ``ceil(C / 16)``.
        scan_backend (str): Backend of the scans, see :func:`mmpose_gss.ops.scan.ordered`.
    """

    def __init__(self, embed_dim, joint_parents, d_state=16, expand=2.0, dt_rank=None, scan_backend='auto'):
        super().__init__()
        self.scan_backend = scan_backend
        inner = int(expand * embed_dim)
        rank = math.ceil(embed_dim / 16) if dt_rank is None else dt_rank
        orders = len(POSEMAMBA_ORDERS)
        self.register_buffer('parents', torch.tensor(joint_parents), persistent=False)
        self.in_proj = nn.Linear(embed_dim, 2 * inner, bias=False)
        self.conv = nn.Conv2d(inner, inner, 3, padding=1, groups=inner)
        self.x_proj_weight = nn.Parameter(torch.empty(orders, rank + 2 * d_state, inner))
        self.dt_proj_weight = nn.Parameter(torch.empty(orders, inner, rank))
        self.dt_bias = nn.Parameter(torch.empty(orders, inner))
        self.A_log = nn.Parameter(torch.empty(orders, inner, d_state))
        self.D = nn.Parameter(torch.ones(orders, inner))
        self.out_norm = nn.LayerNorm(inner)
        self.out_proj = nn.Linear(inner, embed_dim, bias=False)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self, dt_min=0.001, dt_max=0.1, dt_floor=1e-4):
        """Mamba's initialisation: A = -1…-N, and Δ log-uniform between ``dt_min`` and ``dt_max``."""
        for weight in self.x_proj_weight:
            nn.init.kaiming_uniform_(weight, a=math.sqrt(5))
        rank = self.dt_proj_weight.shape[-1]
        nn.init.uniform_(self.dt_proj_weight, -rank**-0.5, rank**-0.5)
        low, high = math.log(dt_min), math.log(dt_max)
        dt = torch.exp(torch.rand_like(self.dt_bias) * (high - low) + low).clamp(min=dt_floor)
        self.dt_bias.copy_(dt + torch.log(-torch.expm1(-dt)))  # the inverse of softplus
        states = torch.arange(1, self.A_log.shape[-1] + 1, dtype=torch.float32)
        self.A_log.copy_(states.log().expand_as(self.A_log))

    def forward(self, x):
        """Maps ``(B,T,J,C)`` to ``(B,T,J,C)``."""
        x, z = self.in_proj(x).chunk(2, dim=-1)  # (B,T,J,D) each
        x = F.silu(self.conv(x.permute(0, 3, 1, 2))).permute(0, 2, 3, 1)
        y = self.scan(x)
        y = self.out_norm(y).to(z.dtype) * F.silu(z)
        return self.out_proj(y)

    def scan(self, x):
        """The sum of the four scans, in float32 at least.

        Args:
            x (Tensor): ``(B,T,J,D)``.

        Returns:
            Tensor: ``(B,T,J,D)``, float32 (float64 if x is).
        """
        with torch.autocast('cpu' if x.is_meta else x.device.type, enabled=False):
            x = x.to(torch.promote_types(x.dtype, torch.float32))
            limbs = x + x.index_select(2, self.parents)
            return self._scan(limbs, 0) + self._scan(x, 1)

    def _scan(self, x, first):
        """Scans along order ``first`` and its reverse, ``first + 2``."""
        pick = slice(first, None, 2)
        out = ordered_scan(
            x.unsqueeze(2).contiguous(), POSEMAMBA_ORDERS[pick], self.x_proj_weight[pick].to(x.dtype),
            self.dt_proj_weight[pick].to(x.dtype), self.dt_bias[pick].to(x.dtype),
            -self.A_log[pick].to(x.dtype).exp(), self.D[pick].to(x.dtype), merge=(0, 0),
            backend=self.scan_backend)  # (1,B,T,1,J,D)
        return out[0].squeeze(2)


class PoseMambaBlock(BaseModule):
    """Mixer and MLP, each pre-normed and residual.

    Args:
        embed_dim (int): C.
        joint_parents (Sequence[int]): The parent of each joint.
        mlp_ratio (float): Hidden channels of the MLP over C.
        drop_path (float): Probability of dropping a residual branch while training.
        d_state (int): States of the scan.
        expand (float): Inner channels of the mixer over C.
        dt_rank (int, optional): Rank of Δ; ``None`` is ``ceil(C / 16)``.
        scan_backend (str): Backend of the scans, see :func:`mmpose_gss.ops.scan.ordered`.
    """

    def __init__(self, embed_dim, joint_parents, mlp_ratio=2.0, drop_path=0.0, d_state=16, expand=2.0,
                 dt_rank=None, scan_backend='auto'):
        super().__init__()
        hidden = int(embed_dim * mlp_ratio)
        self.norm1 = nn.LayerNorm(embed_dim, eps=1e-6)
        self.mixer = PoseMambaMixer(embed_dim, joint_parents, d_state, expand, dt_rank, scan_backend)
        self.norm2 = nn.LayerNorm(embed_dim, eps=1e-6)
        self.mlp = nn.Sequential(nn.Linear(embed_dim, hidden), nn.GELU(), nn.Linear(hidden, embed_dim))
        self.drop_path = DropPath(drop_path)

    def forward(self, x):
        """Maps ``(B,T,J,C)`` to ``(B,T,J,C)``."""
        x = x + self.drop_path(self.mixer(self.norm1(x)))
        return x + self.drop_path(self.mlp(self.norm2(x)))
