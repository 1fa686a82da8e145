"""Spatial-motion cross-attention (SMCA) of SDTC (Eq. 9, Fig. 4 c).

Shapes: B persons, P = h·w pixels, D channels.
"""
from __future__ import annotations

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmpose_gss.models.sdtc.aggregation import ConvTransform


class SpatialMotionCrossAttention(BaseModule):
    """Bring what the guidance knows into the source: φ(S + softmax(Q Kᵀ / √d) V).

    Q comes from the source, K and V from the guidance, each through an own 1×1 convolution; one head, and
    d is the number of channels; φ is Conv 3×3, BN, ReLU.

    Args:
        dims (int): Channels D.
    """

    def __init__(self, dims: int) -> None:
        super().__init__()
        self.query = nn.Conv2d(dims, dims, 1)
        self.key = nn.Conv2d(dims, dims, 1)
        self.value = nn.Conv2d(dims, dims, 1)
        self.transform = ConvTransform(dims, dims, 3)

    def forward(self, source: Tensor, guidance: Tensor) -> Tensor:
        """Update the source.

        Args:
            source (Tensor): S, ``(B,D,h,w)``.
            guidance (Tensor): G, ``(B,D,h,w)``.

        Returns:
            Tensor: ``(B,D,h,w)``.
        """
        def as_tokens(x: Tensor) -> Tensor:
            return x.flatten(2).transpose(1, 2)[:, None]                         # (B,1,P,D)

        # One head is spelt out as a dimension: the fused CPU kernel takes four dimensions only.
        attended = F.scaled_dot_product_attention(
            as_tokens(self.query(source)), as_tokens(self.key(guidance)), as_tokens(self.value(guidance)))
        return self.transform(source + attended[:, 0].transpose(1, 2).reshape(source.shape))
