"""Ways to make one map of the spatial and the motion feature (SDTC, Eq. 11 to 13, table 4).

Shapes: B persons, D channels. Every fusion maps two ``(B,D,h,w)`` to ``(B,D,h,w)`` and a dict of the
attention maps it used.
"""
from __future__ import annotations

from typing import Dict, Tuple

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmpose_gss.models.sdtc.aggregation import ConvTransform


class AdditiveFusion(BaseModule):
    """Element-wise sum (table 4 a and c, table 6 a and b)."""

    def forward(self, spatial: Tensor, motion: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
        """Add the two."""
        return spatial + motion, {}


class ConvFusion(BaseModule):
    """Concatenation and a 3×3 convolution with BN and ReLU (table 4 b and d).

    Args:
        dims (int): Channels D.
    """

    def __init__(self, dims: int) -> None:
        super().__init__()
        self.conv = ConvTransform(2 * dims, dims, 3)

    def forward(self, spatial: Tensor, motion: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
        """Convolve the two."""
        return self.conv(torch.cat([spatial, motion], dim=1)), {}


class AdaptiveFusion(BaseModule):
    """Sum weighted by one predicted attention per pixel and modality (Eq. 11 to 13).

    Eq. 11's Conv is Conv 3×3, BN, ReLU; FC gives one number per pixel; the Conv of Eq. 13 are plain 3×3.

    Args:
        dims (int): Channels D.
    """

    def __init__(self, dims: int) -> None:
        super().__init__()
        self.conv = ConvTransform(2 * dims, dims, 3)
        self.fc_spatial = nn.Linear(dims, 1)
        self.fc_motion = nn.Linear(dims, 1)
        self.conv_spatial = nn.Conv2d(dims, dims, 3, padding=1)
        self.conv_motion = nn.Conv2d(dims, dims, 3, padding=1)

    def forward(self, spatial: Tensor, motion: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
        """Weigh and add the two; the dict holds ``attention_spatial`` and ``attention_motion`` (B,1,h,w)."""
        joint = self.conv(torch.cat([spatial, motion], dim=1)).permute(0, 2, 3, 1)        # A, Eq. 11
        weight_spatial = self.fc_spatial(joint).sigmoid().permute(0, 3, 1, 2)             # A_S, Eq. 12
        weight_motion = self.fc_motion(joint).sigmoid().permute(0, 3, 1, 2)               # A_M
        fused = weight_spatial * self.conv_spatial(spatial) + weight_motion * self.conv_motion(motion)
        return fused, dict(attention_spatial=weight_spatial, attention_motion=weight_motion)
