"""Joint and divided space-time attention (SDTC, Eq. 2 and 3, Fig. 4 a and b).

Every attention runs through ``scaled_dot_product_attention`` without mask and dropout, so that the fused
kernels are used and the N×N matrix of weights is never stored.

Shapes: B persons, T frames, L tokens of a frame, D channels, N tokens that see each other.
"""
from __future__ import annotations

from typing import Optional

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmpose_gss.errors import UserError
from mmpose_gss.models.layers.mlp import MLP


class MultiHeadSelfAttention(BaseModule):
    """Multi-head self-attention of Vaswani et al. 2017.

    Args:
        embed_dims (int): Channels D.
        num_heads (int): Heads; D is a multiple of it.

    Raises:
        UserError: If the heads do not divide the channels.
    """

    def __init__(self, embed_dims: int, num_heads: int) -> None:
        super().__init__()
        if embed_dims % num_heads:
            raise UserError(f'embed_dims ({embed_dims}) must be a multiple of num_heads ({num_heads})')
        self.num_heads = num_heads
        self.qkv = nn.Linear(embed_dims, 3 * embed_dims)
        self.proj = nn.Linear(embed_dims, embed_dims)

    def forward(self, x: Tensor) -> Tensor:
        """Let the tokens of each row see each other: ``(rows,N,D)`` to ``(rows,N,D)``."""
        rows, number, dims = x.shape
        qkv = self.qkv(x).view(rows, number, 3, self.num_heads, dims // self.num_heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)                  # each (rows,heads,N,D/heads)
        out = F.scaled_dot_product_attention(q, k, v)
        return self.proj(out.transpose(1, 2).reshape(rows, number, dims))


class JointAttention(BaseModule):
    """All T·L tokens see each other (Eq. 2), with pre-normalisation and a residual connection.

    Args:
        embed_dims (int): Channels D.
        num_heads (int): Heads.
        ffn_ratio (float, optional): Follow it by a feed-forward network of this ratio, which makes a plain
            transformer block. Defaults to None: attention alone, as in Eq. 2.
    """

    def __init__(self, embed_dims: int, num_heads: int, ffn_ratio: Optional[float] = None) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(embed_dims)
        self.attention = MultiHeadSelfAttention(embed_dims, num_heads)
        self.ffn_norm = nn.LayerNorm(embed_dims) if ffn_ratio else None
        self.ffn = MLP(embed_dims, ffn_ratio) if ffn_ratio else None

    def forward(self, x: Tensor) -> Tensor:
        """``(B,T,L,D)`` to ``(B,T,L,D)``."""
        x = x + self.attention(self.norm(x).flatten(1, 2)).view_as(x)
        return x if self.ffn is None else x + self.ffn(self.ffn_norm(x))


class DividedAttention(BaseModule):
    """Temporal attention, then spatial attention, then FFN (Eq. 3), each with a residual connection.

    Each sub-layer normalises its input first (Bertasius et al. 2021, "divided space-time attention").

    Args:
        embed_dims (int): Channels D.
        num_heads (int): Heads of both attentions.
        ffn_ratio (float): Width of the feed-forward network over D.
    """

    def __init__(self, embed_dims: int, num_heads: int, ffn_ratio: float) -> None:
        super().__init__()
        self.temporal_norm = nn.LayerNorm(embed_dims)
        self.temporal = MultiHeadSelfAttention(embed_dims, num_heads)
        self.spatial_norm = nn.LayerNorm(embed_dims)
        self.spatial = MultiHeadSelfAttention(embed_dims, num_heads)
        self.ffn_norm = nn.LayerNorm(embed_dims)
        self.ffn = MLP(embed_dims, ffn_ratio)

    def forward(self, x: Tensor) -> Tensor:
        """``(B,T,L,D)`` to ``(B,T,L,D)``."""
        batch, frames, tokens, dims = x.shape
        by_place = self.temporal_norm(x).transpose(1, 2).reshape(batch * tokens, frames, dims)
        x = x + self.temporal(by_place).view(batch, tokens, frames, dims).transpose(1, 2)
        by_frame = self.spatial_norm(x).reshape(batch * frames, tokens, dims)
        x = x + self.spatial(by_frame).view_as(x)
        return x + self.ffn(self.ffn_norm(x))
