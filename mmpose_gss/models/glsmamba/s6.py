"""S6: a selective scan whose parameters are shared by any number of scan orders.

Shapes: B persons, T frames, H, W map, D channels, N states, R rank of delta, K orders, G groups of orders.
"""
from __future__ import annotations

import math
from typing import Optional, Sequence

import torch
from torch import Tensor, nn

from mmpose_gss.ops import ordered_scan


class S6(nn.Module):
    """Selective scan (Gu & Dao 2023, algorithm 2) along several orders of the same tokens.

    All orders share one set of parameters: in the paper's table further orders cost neither parameters nor
    counted operations. No channel expansion. Initial values are those of ``mamba_ssm``'s ``Mamba``.

    Args:
        embed_dims (int): D.
        orders (Sequence): K names or ``ScanOrder`` objects, see :mod:`mmpose_gss.ops.scan.orders`.
        merge (Sequence[int]): Group of every order; the outputs of a group are summed.
        d_state (int): N.
        dt_rank (int): R.
        scan_conv (str, optional): ``'causal1d'`` puts Mamba's short causal convolution (width 4) and SiLU
            before the scan along every order; the paper has none.
        scan_backend (str): Backend of the scan, see :func:`mmpose_gss.ops.scan.ordered`.
    """

    CONV_WIDTH = 4

    def __init__(self, embed_dims: int, orders: Sequence, merge: Sequence[int], d_state: int = 16,
                 dt_rank: int = 16, scan_conv: Optional[str] = None, scan_backend: str = 'auto') -> None:
        super().__init__()
        if scan_conv not in (None, 'causal1d'):
            raise ValueError(f"scan_conv must be None or 'causal1d', got {scan_conv!r}.")
        self.orders, self.merge, self.scan_backend = tuple(orders), tuple(merge), scan_backend
        self.x_proj_weight = nn.Parameter(torch.empty(dt_rank + 2 * d_state, embed_dims))
        self.dt_proj_weight = nn.Parameter(torch.empty(embed_dims, dt_rank))
        self.dt_bias = nn.Parameter(torch.empty(embed_dims))
        self.A_log = nn.Parameter(torch.empty(embed_dims, d_state))
        self.D = nn.Parameter(torch.empty(embed_dims))
        self.conv_weight = self.conv_bias = None
        if scan_conv:
            self.conv_weight = nn.Parameter(torch.empty(embed_dims, self.CONV_WIDTH))
            self.conv_bias = nn.Parameter(torch.empty(embed_dims))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self, dt_min: float = 1e-3, dt_max: float = 0.1) -> None:
        """Set Mamba's initial values: A = -(1..N), delta log-uniform in ``[dt_min, dt_max]``, D = 1."""
        nn.init.kaiming_uniform_(self.x_proj_weight, a=math.sqrt(5))
        bound = self.dt_proj_weight.shape[1] ** -0.5
        nn.init.uniform_(self.dt_proj_weight, -bound, bound)
        span = math.log(dt_max) - math.log(dt_min)
        delta = torch.exp(torch.rand_like(self.dt_bias) * span + math.log(dt_min))
        self.dt_bias.copy_(delta + torch.log(-torch.expm1(-delta)))  # inverse of softplus
        states = torch.arange(1, self.A_log.shape[1] + 1, dtype=torch.float32, device=self.A_log.device)
        self.A_log.copy_(states.log().expand_as(self.A_log))
        nn.init.ones_(self.D)
        if self.conv_weight is not None:
            bound = self.CONV_WIDTH ** -0.5
            nn.init.uniform_(self.conv_weight, -bound, bound)
            nn.init.zeros_(self.conv_bias)

    def forward(self, x: Tensor, orders: Optional[Sequence] = None) -> Tensor:
        """Scan the tokens.

        Args:
            x (Tensor): ``(B,T,H,W,D)``.
            orders (Sequence, optional): K orders to use instead of the module's own.

        Returns:
            Tensor: ``(G,B,T,H,W,D)``, every output at its token's place.
        """
        return ordered_scan(
            x, self.orders if orders is None else tuple(orders), self.x_proj_weight, self.dt_proj_weight,
            self.dt_bias, -torch.exp(self.A_log.float()), self.D, merge=self.merge,
            conv_weight=self.conv_weight, conv_bias=self.conv_bias, backend=self.scan_backend)
