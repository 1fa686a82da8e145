"""What an encoder gives and every neck takes.

Shapes: B persons, T frames, C_i channels and h_i, w_i size of map i, H, W size of the images.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional

from torch import Tensor

from mmpose_gss.structures.clip_window import ClipWindow


@dataclass
class ClipFeatures:
    """Features of the frames of a window.

    Attributes:
        maps (list[Tensor]): One ``(B,T,C_i,h_i,w_i)`` per output of the backbone, in its order.
        images (Tensor, optional): The normalised images ``(B,T,3,H,W)``; None where there are none, as in
            stored features.
        window (ClipWindow): Which frames these are and which of them is the key frame. Where the samples of
            a batch have different offsets (temporal augmentation), those of neighbouring frames.
    """

    maps: List[Tensor]
    images: Optional[Tensor]
    window: ClipWindow
