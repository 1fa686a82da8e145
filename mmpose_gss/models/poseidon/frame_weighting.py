"""Adaptive frame weighting (AFW): every frame is multiplied by its share of attention.

Shapes: B persons, T frames, C channels, h, w feature map.
"""
from __future__ import annotations

from torch import Tensor, nn


class FrameWeighting(nn.Module):
    """A small network scores the frames; the softmax of the scores over the window weights them.

    Args:
        embed_dims (int): C.
        hidden (int): Channels of the scoring network.
    """

    def __init__(self, embed_dims: int, hidden: int = 64) -> None:
        super().__init__()
        self.conv = nn.Conv2d(embed_dims, hidden, 3, padding=1)
        self.score = nn.Linear(hidden, 1)

    def weights(self, frames: Tensor) -> Tensor:
        """Shares ``(B,T)`` of the frames ``(B,T,C,h,w)``; they sum to 1."""
        means = self.conv(frames.flatten(0, 1)).relu().mean((-2, -1))
        return self.score(means).view(frames.shape[:2]).softmax(dim=1)

    def forward(self, frames: Tensor) -> Tensor:
        """``(B,T,C,h,w)`` to ``(B,T,C,h,w)``."""
        return frames * self.weights(frames)[:, :, None, None, None]
