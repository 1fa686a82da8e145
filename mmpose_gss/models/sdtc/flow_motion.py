"""Motion from optical flow instead of the motion encoder: the baseline of SDTC's table 4 (a, b).

Shapes: B persons, T frames, L = h·w tokens of a frame, D channels.
"""
from __future__ import annotations

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmpose_gss.models.sdtc.aggregation import ConvTransform


class FlowMotion(BaseModule):
    """Embed flow maps, two 3×3 convolutions per frame.

    Args:
        dims (int): Channels D.
    """

    def __init__(self, dims: int) -> None:
        super().__init__()
        self.embed = nn.Sequential(ConvTransform(2, dims, 3), nn.Conv2d(dims, dims, 3, padding=1))

    def forward(self, flow: Tensor) -> Tensor:
        """Turn flow into motion features.

        Args:
            flow (Tensor): Shift from the key frame to each frame in pixels of the map, ``(B,T,2,h,w)``.

        Returns:
            Tensor: ``(B,T,L,D)``.
        """
        batch, frames = flow.shape[:2]
        maps = self.embed(flow.flatten(0, 1))
        return maps.flatten(2).transpose(1, 2).unflatten(0, (batch, frames))
