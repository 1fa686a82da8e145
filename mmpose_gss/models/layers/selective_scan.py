"""Mamba's parameters with their initial values, and the scans that they serve.

Shapes: B samples, T frames, H, W map, D channels, N states, R rank of Δ, K orders, G groups of orders.
"""
from __future__ import annotations

import math
from typing import Optional, Sequence, Union

import torch
from torch import Tensor, nn

from mmpose_gss.errors import UserError
from mmpose_gss.models.layers.weight_decay import without_weight_decay
from mmpose_gss.ops import ScanOrder, ordered_scan

#: Range of Δ at the start, as in ``mamba_ssm``.
DT_MIN, DT_MAX = 1e-3, 0.1
#: Taps of Mamba's short convolution.
CONV_WIDTH = 4


class SelectiveScan(nn.Module):
    """Selective scan (Gu and Dao 2023, algorithm 2) along several orders of the same tokens.

    No channel expansion. A, D and the bias of Δ set time scales and are not decayed.

    Args:
        embed_dims (int): D.
        orders (Sequence): K names or ``ScanOrder`` objects, see :mod:`mmpose_gss.ops.scan.orders`.
        merge (Sequence[int]): Group of every order; the outputs of a group are summed.
        shared (bool): Whether all orders share one set of parameters (GLSMamba) or each has its own
            (PoseMamba). Defaults to True.
        d_state (int): N.
        dt_rank (int, optional): R. Defaults to ``ceil(D / 16)``.
        conv (str, optional): ``'causal1d'`` puts Mamba's short causal convolution and SiLU before the scan
            along every order, with one set of weights.
        backend (str): See :func:`mmpose_gss.ops.ordered_scan`.

    Raises:
        UserError: If ``conv`` is unknown.
    """

    def __init__(self, embed_dims: int, orders: Sequence[Union[str, ScanOrder]], merge: Sequence[int],
                 shared: bool = True, d_state: int = 16, dt_rank: Optional[int] = None,
                 conv: Optional[str] = None, backend: str = 'auto') -> None:
        super().__init__()
        if conv not in (None, 'causal1d'):
            raise UserError(f"scan.conv must be None or 'causal1d', got {conv!r}")
        rank = math.ceil(embed_dims / 16) if dt_rank is None else dt_rank
        self.orders, self.merge, self.backend = tuple(orders), tuple(merge), backend
        sets = () if shared else (len(self.orders), )
        self.x_proj_weight = nn.Parameter(torch.empty(*sets, rank + 2 * d_state, embed_dims))
        self.dt_proj_weight = nn.Parameter(torch.empty(*sets, embed_dims, rank))
        self.dt_bias = without_weight_decay(nn.Parameter(torch.empty(*sets, embed_dims)))
        self.A_log = without_weight_decay(nn.Parameter(torch.empty(*sets, embed_dims, d_state)))
        self.D = without_weight_decay(nn.Parameter(torch.empty(*sets, embed_dims)))
        self.conv_weight = self.conv_bias = None
        if conv:
            self.conv_weight = nn.Parameter(torch.empty(embed_dims, CONV_WIDTH))
            self.conv_bias = without_weight_decay(nn.Parameter(torch.empty(embed_dims)))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Set Mamba's initial values: A = -(1..N), Δ log-uniform in ``[DT_MIN, DT_MAX]``, D = 1."""
        for weight in self.x_proj_weight if self.x_proj_weight.dim() == 3 else [self.x_proj_weight]:
            nn.init.kaiming_uniform_(weight, a=math.sqrt(5))
        bound = self.dt_proj_weight.shape[-1] ** -0.5
        nn.init.uniform_(self.dt_proj_weight, -bound, bound)
        span = math.log(DT_MAX) - math.log(DT_MIN)
        delta = torch.exp(torch.rand_like(self.dt_bias) * span + math.log(DT_MIN))
        self.dt_bias.copy_(delta + torch.log(-torch.expm1(-delta)))  # inverse of softplus
        states = torch.arange(1, self.A_log.shape[-1] + 1, dtype=torch.float32, device=self.A_log.device)
        self.A_log.copy_(states.log().expand_as(self.A_log))
        nn.init.ones_(self.D)
        if self.conv_weight is not None:
            bound = CONV_WIDTH ** -0.5
            nn.init.uniform_(self.conv_weight, -bound, bound)
            nn.init.zeros_(self.conv_bias)

    def forward(self, x: Tensor, pick: slice = slice(None)) -> Tensor:
        """Scan the tokens.

        Args:
            x (Tensor): ``(B,T,H,W,D)``.
            pick (slice): Which of the orders to scan along. Defaults to all.

        Returns:
            Tensor: ``(G,B,T,H,W,D)``, every output at its token's place.
        """
        weights = (self.x_proj_weight, self.dt_proj_weight, self.dt_bias, self.A_log, self.D)
        if self.D.dim() == 2:
            weights = (weight[pick] for weight in weights)
        exact = torch.promote_types(x.dtype, torch.float32)
        x_proj, dt_proj, dt_bias, a_log, skip = (weight.to(exact) for weight in weights)
        return ordered_scan(
            x, self.orders[pick], x_proj, dt_proj, dt_bias, -a_log.exp(), skip, merge=self.merge[pick],
            conv_weight=self.conv_weight, conv_bias=self.conv_bias, backend=self.backend)
