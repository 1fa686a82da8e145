"""Multi-scale feature fusion (MSFF): features of several depths of the encoder become one.

Shapes: N frames of all persons, S depths, C channels, h, w feature map, L = h·w tokens.

```
each depth (N,C,h,w) ─► pyramid pooling (N,2C,h,w) ─► 3×3, BN, ReLU (N,C,h,w) ─► tokens (N,L,C) ─┐
                         all S·L tokens see each other, mean over depths, linear (N,L,C) ◄───────┘
```
"""
from __future__ import annotations

from typing import List, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmpose_gss.models.layers.cross_attention import CrossAttention


class PyramidPooling(nn.Module):
    """The map beside its means over grids of several sizes (Zhao et al. 2017).

    Args:
        embed_dims (int): C, a multiple of the number of grids.
        grids (Sequence[int]): Cells per side of every grid.
    """

    def __init__(self, embed_dims: int, grids: Sequence[int] = (1, 2, 3, 6)) -> None:
        super().__init__()
        self.grids = tuple(grids)
        width = embed_dims // len(self.grids)
        self.convs = nn.ModuleList(
            nn.Sequential(nn.Conv2d(embed_dims, width, 1, bias=False), nn.BatchNorm2d(width),
                          nn.ReLU(inplace=True)) for _ in self.grids)

    def forward(self, x: Tensor) -> Tensor:
        """``(N,C,h,w)`` to ``(N,2C,h,w)``."""
        parts = [x]
        for grid, conv in zip(self.grids, self.convs):
            pooled = conv(F.adaptive_avg_pool2d(x, grid))
            parts.append(F.interpolate(pooled, size=x.shape[-2:], mode='bilinear', align_corners=True))
        return torch.cat(parts, dim=1)


class DepthAttention(nn.Module):
    """The tokens of all depths of a frame see each other and are averaged over the depths.

    Args:
        embed_dims (int): C.
        num_heads (int): Heads.
    """

    def __init__(self, embed_dims: int, num_heads: int) -> None:
        super().__init__()
        self.attention = CrossAttention(embed_dims, num_heads)
        self.norm = nn.LayerNorm(embed_dims)
        self.proj = nn.Linear(embed_dims, embed_dims)

    def forward(self, depths: List[Tensor]) -> Tensor:
        """S times ``(N,L,C)`` to ``(N,L,C)``."""
        tokens = torch.cat(depths, dim=1)                                             # (N,S·L,C)
        tokens = self.norm(tokens + self.attention(tokens, tokens))
        return self.proj(tokens.unflatten(1, (len(depths), -1)).mean(1))


class MultiScaleFusion(nn.Module):
    """The whole fusion; all depths share its weights.

    Args:
        embed_dims (int): C, a multiple of 4 and of ``num_heads``.
        num_heads (int): Heads of the attention.
        official_order (bool): Cut the memory of a map ``(C,h,w)`` into L runs of C numbers and call them
            tokens, as the authors' code does, instead of exchanging places and channels.
    """

    def __init__(self, embed_dims: int, num_heads: int, official_order: bool = False) -> None:
        super().__init__()
        self.official_order = official_order
        self.pooling = PyramidPooling(embed_dims)
        self.squeeze = nn.Sequential(
            nn.Conv2d(2 * embed_dims, embed_dims, 3, padding=1, bias=False), nn.BatchNorm2d(embed_dims),
            nn.ReLU(inplace=True))
        self.depths = DepthAttention(embed_dims, num_heads)

    def forward(self, maps: List[Tensor]) -> Tensor:
        """S maps ``(N,C,h,w)`` to one."""
        squeezed = [self.squeeze(self.pooling(frames)) for frames in maps]
        number, channels, height, width = squeezed[0].shape
        if self.official_order:
            fused = self.depths([frames.reshape(number, -1, channels) for frames in squeezed])
            return fused.reshape(number, channels, height, width)
        fused = self.depths([frames.flatten(2).transpose(1, 2) for frames in squeezed])
        return fused.transpose(1, 2).unflatten(2, (height, width))
