"""Frames concatenated and one linear map per pixel, residual on the key frame: the least that sees a window.

```
(B,T,C,h,w) ─► (B,T·C,h,w) ─► 1×1, zero at first ─► + key frame's features ─► (B,C,h,w)
```
Shapes: B windows, T frames, C channels, h, w the encoder's map.
"""
from __future__ import annotations

from typing import Optional, Tuple

from torch import Tensor, nn

from mmpose_gss.models.base_neck import BaseVideoNeck
from mmpose_gss.models.clip_features import ClipFeatures
from mmpose_gss.registry import MODELS


@MODELS.register_module()
class LinearWindowNeck(BaseVideoNeck):
    """One 1×1 convolution over all frames.

    Args:
        in_channels (int): C.
        num_frames (int): T.
        init_cfg (dict, optional): Initialisation.
    """

    def __init__(self, in_channels: int, num_frames: int, init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        self.in_channels, self.num_frames = in_channels, num_frames
        self.mix = nn.Conv2d(num_frames * in_channels, in_channels, 1)
        nn.init.zeros_(self.mix.weight)
        nn.init.zeros_(self.mix.bias)

    def forward(self, feats: ClipFeatures) -> Tuple[Tensor, ...]:
        """Key-frame features ``(B,C,h,w)``, corrected by those of the window.

        Raises:
            UserError: If the window has other frames or channels than the neck.
        """
        frames = self.last_map(feats, self.num_frames, self.in_channels)
        return (frames[:, feats.window.key_index] + self.mix(frames.flatten(1, 2)), )
