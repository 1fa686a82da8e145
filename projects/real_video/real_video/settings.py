"""Sizes of the comparison, plain data."""
from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Tuple

CHANNELS = 64  # of the encoder's map at a quarter of the crop's size
MEAN, STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]  # ImageNet's, which the package's configs use


@dataclass(frozen=True)
class Settings:
    """What a comparison costs and sees.

    Attributes:
        input_size (tuple[int, int]): Width and height of a crop, multiples of 16.
        stride (int): Frames between two frames of a window.
        encoder_share (float): Share of the training groups that the encoder is trained on; necks and heads
            are trained on the others, whose features look like those of new people.
        encoder_iterations (int): Batches of ``encoder_batch`` frames.
        encoder_batch (int): Frames.
        copies (int): Augmented copies of each window that necks are trained on.
        iterations (int): Batches of ``batch`` windows of every neck or head.
        batch (int): Windows.
        lr (float): Highest learning rate of AdamW, of encoder and necks.
        head_lr (float): Factor of the rate for a head that starts from the encoder's.
    """
    input_size: Tuple[int, int] = (96, 80)
    stride: int = 4
    encoder_share: float = 0.5
    encoder_iterations: int = 80
    encoder_batch: int = 16
    copies: int = 2
    iterations: int = 80
    batch: int = 8
    lr: float = 2e-3
    head_lr: float = 0.3

    @property
    def heatmap_size(self) -> Tuple[int, int]:
        """Width and height of the heatmaps."""
        return self.input_size[0] // 4, self.input_size[1] // 4

    @property
    def codec(self) -> dict:
        """MMPose's codec."""
        return dict(type='mmpose.MSRAHeatmap', input_size=self.input_size, heatmap_size=self.heatmap_size,
                    sigma=1.5, unbiased=True)

    @property
    def offsets(self) -> Tuple[int, ...]:
        """Frames of a window."""
        return tuple(self.stride * i for i in (-2, -1, 0, 1, 2))

    def toy(self) -> 'Settings':
        """The smallest size that runs everything."""
        return replace(self, input_size=(64, 48), encoder_iterations=2, encoder_batch=4, copies=1,
                       iterations=2, batch=2)
