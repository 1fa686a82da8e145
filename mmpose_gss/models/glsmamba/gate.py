"""Gate stream of GLSMamba's blocks.

Shapes: B persons, T frames, H, W map, D channels.
"""
from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class GateStream(nn.Module):
    """Depth-wise 3×3 convolution in every frame → LayerNorm → SiLU (GLSMamba, GSM and LRM).

    Args:
        embed_dims (int): D.
        kernel_size (int): Odd size of the convolution.
    """

    def __init__(self, embed_dims: int, kernel_size: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(embed_dims,
                              embed_dims,
                              kernel_size,
                              padding=kernel_size // 2,
                              groups=embed_dims)
        self.norm = nn.LayerNorm(embed_dims)

    def forward(self, x: Tensor) -> Tensor:
        """Return the gate ``(B,T,H,W,D)`` for tokens ``(B,T,H,W,D)``."""
        b, t, h, w, d = x.shape
        # As (N,D,H,W) the tokens are in PyTorch's channels-last format already: no copy on either side.
        frames = x.reshape(b * t, h, w, d).permute(0, 3, 1, 2)
        local = self.conv(frames).permute(0, 2, 3, 1).reshape(b, t, h, w, d)
        return F.silu(self.norm(local))
