"""Pose correction network (PCN): deformable convolutions of several dilations resample the merged heatmaps.

Shapes: B persons, K joints, D channels, H, W size of the heatmaps.
"""
from __future__ import annotations

from typing import Sequence

import torch
from torch import Tensor, nn

from mmpose_gss.ops import deform_conv2d

_KERNEL = 3


class DeformedSampling(nn.Module):
    """One dilation: offset and mask are read from the features, with a group of offsets for every joint.

    The convolution starts as the identity. The masks are not squashed to 0..1, as in the authors' code.

    Args:
        num_joints (int): K.
        embed_dims (int): D.
        dilation (int): Of all three convolutions.
    """

    def __init__(self, num_joints: int, embed_dims: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        places = _KERNEL * _KERNEL
        self.offset = nn.Conv2d(embed_dims, 2 * places * num_joints, 3, padding=dilation, dilation=dilation,
                                bias=False)
        self.mask = nn.Conv2d(embed_dims, places * num_joints, 3, padding=dilation, dilation=dilation,
                              bias=False)
        for conv in (self.offset, self.mask):
            nn.init.normal_(conv.weight, std=0.001)
        self.weight = nn.Parameter(torch.zeros(num_joints, num_joints, _KERNEL, _KERNEL))
        self.bias = nn.Parameter(torch.zeros(num_joints))
        with torch.no_grad():
            self.weight[:, :, _KERNEL // 2, _KERNEL // 2] = torch.eye(num_joints)

    def forward(self, heatmaps: Tensor, features: Tensor) -> Tensor:
        """Resample ``(B,K,H,W)`` as the features ``(B,D,H,W)`` say."""
        # In the weights' precision also under autocast: half a mantissa would move the places.
        inputs = (heatmaps, self.offset(features), self.mask(features))
        heatmaps, offset, mask = (x.to(self.weight.dtype) for x in inputs)
        return deform_conv2d(heatmaps, offset, self.weight, self.bias, padding=self.dilation,
                             dilation=self.dilation, mask=mask)


class PoseCorrection(nn.Module):
    """The mean over dilations.

    Args:
        num_joints (int): K.
        embed_dims (int): D.
        dilations (Sequence[int]): One sampling each.
    """

    def __init__(self, num_joints: int, embed_dims: int, dilations: Sequence[int]) -> None:
        super().__init__()
        self.samplings = nn.ModuleList(
            DeformedSampling(num_joints, embed_dims, dilation) for dilation in dilations)

    def forward(self, heatmaps: Tensor, features: Tensor) -> Tensor:
        """``(B,K,H,W)`` and ``(B,D,H,W)`` to ``(B,K,H,W)``."""
        return torch.stack([sampling(heatmaps, features) for sampling in self.samplings]).mean(0)
