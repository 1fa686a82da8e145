"""Multi-head attention between two sets of tokens (Vaswani et al. 2017).

Shapes: B rows, Q query tokens, N context tokens, D channels.
"""
from __future__ import annotations

import math
from typing import Optional

import torch.nn.functional as F
from torch import Tensor, nn


class CrossAttention(nn.Module):
    """Multi-head attention with torch's initial values; a set of tokens that is its own context is allowed.

    It has as many parameters as ``torch.nn.MultiheadAttention``, whose weights
    :meth:`mmpose_gss.models.layers.official_state.OfficialState.attention` renames.

    Args:
        embed_dims (int): D.
        num_heads (int): Heads; D is a multiple of it.

    Raises:
        ValueError: If the heads do not divide the channels.
    """

    def __init__(self, embed_dims: int, num_heads: int) -> None:
        super().__init__()
        if embed_dims % num_heads:
            raise ValueError(f'embed_dims ({embed_dims}) must be a multiple of num_heads ({num_heads})')
        self.num_heads = num_heads
        self.query = nn.Linear(embed_dims, embed_dims)
        self.key_value = nn.Linear(embed_dims, 2 * embed_dims)
        self.proj = nn.Linear(embed_dims, embed_dims)
        bound = math.sqrt(6 / (4 * embed_dims))  # Xavier's for the three projections as one matrix
        for layer in (self.query, self.key_value):
            nn.init.uniform_(layer.weight, -bound, bound)
            nn.init.zeros_(layer.bias)
        nn.init.zeros_(self.proj.bias)

    def forward(self, query: Tensor, context: Tensor, visible: Optional[Tensor] = None) -> Tensor:
        """Gather from the context.

        Args:
            query (Tensor): ``(B,Q,D)``.
            context (Tensor): ``(B,N,D)``.
            visible (Tensor, optional): Boolean ``(B,Q,N)``, True where a query may look. Each query needs one
                place at least.

        Returns:
            Tensor: ``(B,Q,D)``.
        """
        q = self.query(query).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)      # (B,heads,Q,D/heads)
        kv = self.key_value(context).unflatten(-1, (2, self.num_heads, -1))
        k, v = kv.permute(2, 0, 3, 1, 4).unbind(0)                                     # (B,heads,N,D/heads)
        mask = None if visible is None else visible[:, None]
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.proj(out.transpose(1, 2).flatten(2))
