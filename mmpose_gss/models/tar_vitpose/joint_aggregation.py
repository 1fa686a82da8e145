"""Joint-centric temporal aggregation (JTA): one token per joint gathers from all frames.

Shapes: B persons, J joints, N tokens of all frames, D channels.

```
joint queries (J,D) ─► attend to the frames where the joint may be ─► attend to each other ─► FFN ─► × layers
```
Every sub-layer is followed by a residual connection and a LayerNorm (post-normalisation).
"""
from __future__ import annotations

from typing import Optional

import torch
from torch import Tensor, nn

from mmpose_gss.models.layers.cross_attention import CrossAttention
from mmpose_gss.models.layers.mlp import MLP


class PostNormAttention(nn.Module):
    """Attention, residual connection, LayerNorm.

    Args:
        embed_dims (int): D.
        num_heads (int): Heads.
    """

    def __init__(self, embed_dims: int, num_heads: int) -> None:
        super().__init__()
        self.attention = CrossAttention(embed_dims, num_heads)
        self.norm = nn.LayerNorm(embed_dims)

    def forward(self, query: Tensor, context: Tensor, visible: Optional[Tensor] = None) -> Tensor:
        """``(B,Q,D)`` and ``(B,N,D)`` to ``(B,Q,D)``; ``visible`` as in :class:`CrossAttention`."""
        return self.norm(query + self.attention(query, context, visible))


class JointAggregationLayer(nn.Module):
    """One layer of the aggregation.

    Args:
        embed_dims (int): D.
        num_heads (int): Heads of both attentions.
        ffn_ratio (float): Width of the feed-forward network over D.
    """

    def __init__(self, embed_dims: int, num_heads: int, ffn_ratio: float) -> None:
        super().__init__()
        self.frames = PostNormAttention(embed_dims, num_heads)
        self.joints = PostNormAttention(embed_dims, num_heads)
        self.ffn = MLP(embed_dims, ffn_ratio)
        self.ffn_norm = nn.LayerNorm(embed_dims)

    def forward(self, joints: Tensor, tokens: Tensor, visible: Optional[Tensor]) -> Tensor:
        """Update ``(B,J,D)`` from the tokens ``(B,N,D)``; ``visible`` is ``(B,J,N)``."""
        joints = self.frames(joints, tokens, visible)
        joints = self.joints(joints, joints)
        return self.ffn_norm(joints + self.ffn(joints))


class JointAggregation(nn.Module):
    """Learned tokens, one per joint, and the layers that fill them.

    Args:
        embed_dims (int): D.
        num_joints (int): J.
        num_layers (int): Number of layers.
        num_heads (int): Heads.
        ffn_ratio (float): Width of the feed-forward networks over D.
    """

    def __init__(self, embed_dims: int, num_joints: int, num_layers: int, num_heads: int,
                 ffn_ratio: float) -> None:
        super().__init__()
        self.content = nn.Parameter(torch.randn(num_joints, embed_dims))
        self.position = nn.Parameter(torch.randn(num_joints, embed_dims))
        self.layers = nn.ModuleList(
            JointAggregationLayer(embed_dims, num_heads, ffn_ratio) for _ in range(num_layers))

    def forward(self, tokens: Tensor, visible: Optional[Tensor]) -> Tensor:
        """Gather for every joint: ``(B,N,D)`` to ``(B,J,D)``; ``visible`` is ``(B,J,N)`` or None."""
        joints = (self.content + self.position).expand(tokens.shape[0], -1, -1)
        for layer in self.layers:
            joints = layer(joints, tokens, visible)
        return joints
