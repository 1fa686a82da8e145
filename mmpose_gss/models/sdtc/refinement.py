"""Self-feature refinement of SDTC (Eq. 6 to 8).

Shapes: B persons, P = h·w pixels, D channels (each is also a context).
"""
from __future__ import annotations

from contextlib import nullcontext
from typing import Tuple

import torch
from mmengine.model import BaseModule
from torch import Tensor

from mmpose_gss.models.sdtc.aggregation import ConvTransform


class SelfFeatureRefinement(BaseModule):
    """Enhance every pixel by the contexts of its own modality.

    The three equations have no scale, so that the logits of Eq. 8 grow with the map; they are computed in
    float32 under automatic mixed precision. ``Conv`` of Eq. 8 is Conv 1×1, BN, ReLU.

    Args:
        dims (int): Channels D.
    """

    def __init__(self, dims: int) -> None:
        super().__init__()
        self.conv = ConvTransform(dims, dims, 1)

    def context(self, feature: Tensor) -> Tuple[Tensor, Tensor]:
        """Context maps and pixels described by contexts.

        Args:
            feature (Tensor): Aggregated feature ``(B,D,h,w)``.

        Returns:
            tuple: Context maps O of Eq. 6, ``(B,D,h,w)``, which sum to one over the channels, and the
            argument of ``Conv`` in Eq. 8, ``(B,D,h,w)``.
        """
        # The convolution before gives half precision where autocast is on; elsewhere, as in an exported
        # graph, there is nothing to switch off.
        half = feature.dtype in (torch.float16, torch.bfloat16)
        with torch.autocast(feature.device.type, enabled=False) if half else nullcontext():
            pixels = feature.flatten(2)                                          # (B,D,P)
            pixels = pixels.float() if half else pixels
            maps = pixels.softmax(dim=1)                                         # O, Eq. 6
            context = pixels @ maps.transpose(1, 2)                              # OC (B,D,D), Eq. 7
            relation = (pixels.transpose(1, 2) @ context).softmax(dim=2)         # (B,P,D), Eq. 8
            described = (relation @ context.transpose(1, 2)).transpose(1, 2)     # (B,D,P)
        return maps.view_as(feature), described.reshape(feature.shape)

    def forward(self, feature: Tensor) -> Tuple[Tensor, Tensor]:
        """Refine a modality.

        Args:
            feature (Tensor): Aggregated feature ``(B,D,h,w)``.

        Returns:
            tuple: Refined feature and context maps, both ``(B,D,h,w)``.
        """
        maps, described = self.context(feature)
        return self.conv(described), maps
