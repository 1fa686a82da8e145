"""Turning feature maps into tokens that know where and when they are.

Shapes: B persons, T frames, C input channels, D channels, H, W size of the feature map.
"""
from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def sincos_axis(length: int, channels: int, device: torch.device, temperature: float = 10000.) -> Tensor:
    """Sine–cosine embedding of the positions ``0..length-1`` (Vaswani et al. 2017, section 3.5).

    Args:
        length (int): Number of positions.
        channels (int): Channels, even: the first half sines, the second cosines.
        device (torch.device): Where to build it.
        temperature (float): Ratio of the longest and the shortest wavelength.

    Returns:
        Tensor: float32 ``(length, channels)``.
    """
    half = channels // 2
    rate = torch.exp(torch.arange(half, device=device, dtype=torch.float32) * (-math.log(temperature) / half))
    angle = torch.arange(length, device=device, dtype=torch.float32)[:, None] * rate
    return torch.cat((angle.sin(), angle.cos()), dim=-1)


class SpaceTimeEmbedding(nn.Module):
    """Linear projection, fixed sine–cosine spatial and learned temporal embedding (GLSMamba, pipeline 3).

    The spatial part is computed for the size of the map at hand, so that one set of weights serves every
    input size: half of the channels tell the row, half the column.

    Args:
        in_channels (int): C, channels of the encoder's features.
        embed_dims (int): D, a multiple of 4.
        num_frames (int): T.
    """

    def __init__(self, in_channels: int, embed_dims: int, num_frames: int) -> None:
        super().__init__()
        if embed_dims % 4:
            raise ValueError(f'embed_dims must be a multiple of 4 (sine and cosine of row and column), '
                             f'got {embed_dims}.')
        self.proj = nn.Linear(in_channels, embed_dims)
        self.temporal = nn.Parameter(torch.empty(num_frames, embed_dims))
        nn.init.trunc_normal_(self.temporal, std=0.02)

    def forward(self, feats: Tensor) -> Tensor:
        """Embed ``(B,T,C,H,W)`` features as channel-last tokens ``(B,T,H,W,D)``."""
        h, w = feats.shape[-2:]
        x = self.proj(feats.permute(0, 1, 3, 4, 2))
        half = x.shape[-1] // 2
        rows = sincos_axis(h, half, x.device)[:, None].expand(h, w, half)
        columns = sincos_axis(w, half, x.device)[None].expand(h, w, half)
        where = torch.cat((rows, columns), dim=-1)  # (H,W,D)
        when = self.temporal[:, None, None]  # (T,1,1,D)
        return x + (where + when).to(x.dtype)
