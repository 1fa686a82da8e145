"""A neck that works at a coarser resolution than the encoder's map, so that costly ones fit the benchmark.

```
(B,T,C,h,w) ─► mean of squares ─► neck ─► minus its own key frame ─► upsampled ─► + key frame (B,C,h,w)
```
Shapes: B windows, T frames, C channels, h, w the encoder's map.
"""
from __future__ import annotations

from dataclasses import replace
from typing import Optional, Tuple

import torch.nn.functional as F
from torch import Tensor

from mmpose_gss.models.base_neck import BaseVideoNeck
from mmpose_gss.models.clip_features import ClipFeatures
from mmpose_gss.registry import MODELS


@MODELS.register_module()
class CoarseNeck(BaseVideoNeck):
    """Takes a neck's correction of the key frame at a coarser resolution.

    Args:
        neck (dict): A neck whose result has the encoder's channels and starts as the key frame's features.
        stride (int): Side of the squares.
        init_cfg (dict, optional): Initialisation.
    """

    def __init__(self, neck: dict, stride: int = 2, init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        self.neck, self.stride = MODELS.build(neck), stride

    def forward(self, feats: ClipFeatures) -> Tuple[Tensor, ...]:
        """Key-frame features ``(B,C,h,w)``."""
        maps, key_index = feats.maps[-1], feats.window.key_index
        coarse = F.avg_pool2d(maps.flatten(0, 1), self.stride).unflatten(0, maps.shape[:2])
        correction = self.neck(replace(feats, maps=[coarse]))[-1] - coarse[:, key_index]
        correction = F.interpolate(correction, size=maps.shape[-2:], mode='bilinear', align_corners=False)
        return (maps[:, key_index] + correction, )
