"""Ways to make one map of the spatial and the motion feature (SDTC, Eq. 11 to 13, table 4).

Shapes: B persons, D channels, h, w size of the map. Every fusion maps two ``(B,D,h,w)`` to ``(B,D,h,w)`` and
a dict of the attention maps it used.
"""
from __future__ import annotations

from typing import Dict, Tuple

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmpose_gss.errors import UserError


class ConvTransform(nn.Sequential):
    """The paper's convolutional transformation: Conv, BN, ReLU. ``(B,C,h,w)`` to ``(B,D,h,w)``.

    Args:
        in_channels (int): C.
        out_channels (int): D.
        kernel_size (int): Odd side of the kernel; the map keeps its size.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int) -> None:
        super().__init__(
            nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True))


class AdditiveFusion(BaseModule):
    """Element-wise sum (table 4 a and c, table 6 a and b)."""

    def forward(self, spatial: Tensor, motion: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
        """Add the two."""
        return spatial + motion, {}


class ConvFusion(BaseModule):
    """Concatenation and a 3×3 convolution with BN and ReLU (table 4 b and d).

    Args:
        embed_dims (int): Channels D.
    """

    def __init__(self, embed_dims: int) -> None:
        super().__init__()
        self.conv = ConvTransform(2 * embed_dims, embed_dims, 3)

    def forward(self, spatial: Tensor, motion: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
        """Convolve the two."""
        return self.conv(torch.cat([spatial, motion], dim=1)), {}


class AdaptiveFusion(BaseModule):
    """Sum weighted by one predicted attention per pixel and modality (Eq. 11 to 13).

    Eq. 11's Conv is Conv 3×3, BN, ReLU; FC gives one number per pixel; the Conv of Eq. 13 are plain 3×3.

    Args:
        embed_dims (int): Channels D.
    """

    def __init__(self, embed_dims: int) -> None:
        super().__init__()
        self.conv = ConvTransform(2 * embed_dims, embed_dims, 3)
        self.fc_spatial = nn.Linear(embed_dims, 1)
        self.fc_motion = nn.Linear(embed_dims, 1)
        self.conv_spatial = nn.Conv2d(embed_dims, embed_dims, 3, padding=1)
        self.conv_motion = nn.Conv2d(embed_dims, embed_dims, 3, padding=1)

    def forward(self, spatial: Tensor, motion: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
        """Weigh and add the two; the dict holds ``attention_spatial`` and ``attention_motion`` (B,1,h,w)."""
        joint = self.conv(torch.cat([spatial, motion], dim=1)).permute(0, 2, 3, 1)        # A, Eq. 11
        weight_spatial = self.fc_spatial(joint).sigmoid().permute(0, 3, 1, 2)             # A_S, Eq. 12
        weight_motion = self.fc_motion(joint).sigmoid().permute(0, 3, 1, 2)               # A_M
        fused = weight_spatial * self.conv_spatial(spatial) + weight_motion * self.conv_motion(motion)
        return fused, dict(attention_spatial=weight_spatial, attention_motion=weight_motion)


def build_fusion(fusion: str, embed_dims: int) -> BaseModule:
    """Build ``'adaptive'``, ``'add'`` or ``'conv'``.

    Raises:
        UserError: If the name is another.
    """
    if fusion == 'adaptive':
        return AdaptiveFusion(embed_dims)
    if fusion == 'conv':
        return ConvFusion(embed_dims)
    if fusion == 'add':
        return AdditiveFusion()
    raise UserError(f"fusion must be one of ('adaptive', 'add', 'conv'), got {fusion!r}")
