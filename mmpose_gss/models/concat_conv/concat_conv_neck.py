"""Frames concatenated, two convolutions, residual on the key frame.

Shapes: B persons, T frames, C input and output channels, D hidden channels, h, w size of the feature map.

```
(B,T,C,h,w) ─► (B,T·C,h,w) ─► 1×1 ─► 5×5 ─► 5×5 dilated ─► 1×1, zero at first ─► + ─► (B,C,h,w)
      └─ key frame ──────────────────────────────────────────────────────────────┘
```
"""
from __future__ import annotations

from typing import Optional, Tuple

from torch import Tensor, nn

from mmpose_gss.models.base_neck import BaseVideoNeck
from mmpose_gss.models.clip_features import ClipFeatures
from mmpose_gss.registry import MODELS


@MODELS.register_module()
class ConcatConvNeck(BaseVideoNeck):
    """The plainest neck that sees a window.

    The last convolution starts at zero, so that training starts from the key frame's own features, those of
    the single-frame baseline.

    Args:
        in_channels (int): C of the encoder's last map; the result has as many.
        embed_dims (int): D.
        num_frames (int): T.
        dilation (int): Of the second 5×5 convolution. Defaults to 2.
        init_cfg (dict, optional): MMEngine's initialisation.
    """

    def __init__(self, in_channels: int, embed_dims: int = 64, num_frames: int = 5, dilation: int = 2,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        self.in_channels, self.num_frames = in_channels, num_frames
        self.squeeze = nn.Sequential(
            nn.Conv2d(num_frames * in_channels, embed_dims, 1), nn.ReLU(inplace=True))
        self.convs = nn.Sequential(
            nn.Conv2d(embed_dims, embed_dims, 5, padding=2), nn.ReLU(inplace=True),
            nn.Conv2d(embed_dims, embed_dims, 5, padding=2 * dilation, dilation=dilation),
            nn.ReLU(inplace=True))
        self.expand = nn.Conv2d(embed_dims, in_channels, 1)
        nn.init.zeros_(self.expand.weight)
        nn.init.zeros_(self.expand.bias)

    def forward(self, feats: ClipFeatures) -> Tuple[Tensor, ...]:
        """Correct the key frame by what the window shows.

        Args:
            feats (ClipFeatures): Its last map is ``(B,T,C,h,w)``; any key frame is honoured.

        Returns:
            tuple[Tensor]: One map ``(B,C,h,w)``.

        Raises:
            UserError: If T or C are not those that the neck was built for.
        """
        frames = self.last_map(feats, self.num_frames, self.in_channels)
        correction = self.expand(self.convs(self.squeeze(frames.flatten(1, 2))))
        return (frames[:, feats.window.key_index] + correction, )
