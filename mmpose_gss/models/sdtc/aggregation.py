"""Convolutions of spatial-motion mutual learning and the gathering of the frames (SDTC, Sec. 3.2).

Shapes: B persons, T frames, L = h·w tokens of a frame, D channels.
"""
from __future__ import annotations

from mmengine.model import BaseModule
from torch import Tensor, nn


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


class FrameAggregation(BaseModule):
    """Gather the T maps of a window into one: channel concatenation, then a 1×1 convolution with BN.

    No ReLU follows: the context features of Eq. 7 are sums over all pixels, and features of one sign would
    give every pixel the same context in Eq. 8.

    Args:
        dims (int): Channels D of each frame and of the result.
        num_frames (int): Frames T.
    """

    def __init__(self, dims: int, num_frames: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(num_frames * dims, dims, 1, bias=False)
        self.norm = nn.BatchNorm2d(dims)

    def forward(self, tokens: Tensor, height: int, width: int) -> Tensor:
        """``(B,T,L,D)`` to ``(B,D,h,w)``."""
        batch, frames, _, dims = tokens.shape
        maps = tokens.transpose(2, 3).reshape(batch, frames * dims, height, width)
        return self.norm(self.conv(maps))
