"""All tokens of all frames see each other: the plain transformer over a window.

Shapes: B persons, T frames, C input and output channels, D hidden channels, h, w size of the feature map.

```
(B,T,C,h,w) ─► projection + encodings ─► (B,T,h·w,D) ─► blocks ─► key frame ─► 1×1, zero at first ─► +
      └─ key frame ───────────────────────────────────────────────────────────────────────────────────┘
                                                                                                (B,C,h,w)
```
"""
from __future__ import annotations

from typing import Optional, Tuple

from torch import Tensor, nn

from mmpose_gss.models.base_neck import BaseVideoNeck
from mmpose_gss.models.clip_features import ClipFeatures
from mmpose_gss.models.layers.attention import JointAttention
from mmpose_gss.models.layers.space_time_encoding import SpaceTimeEncoding
from mmpose_gss.registry import MODELS


@MODELS.register_module()
class JointAttentionNeck(BaseVideoNeck):
    """Joint space-time attention; its cost grows with the square of T·h·w.

    The last projection starts at zero, so that training starts from the key frame's own features, those of
    the single-frame baseline.

    Args:
        in_channels (int): C of the encoder's last map; the result has as many.
        embed_dims (int): D, a multiple of 4 and of ``num_heads``.
        num_frames (int): T.
        depth (int): Number of transformer blocks.
        num_heads (int): Heads.
        ffn_ratio (float): Width of the feed-forward networks over D.
        init_cfg (dict, optional): MMEngine's initialisation.
    """

    def __init__(self, in_channels: int, embed_dims: int = 256, num_frames: int = 5, depth: int = 6,
                 num_heads: int = 8, ffn_ratio: float = 3.25, init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        self.in_channels, self.num_frames = in_channels, num_frames
        self.embed = nn.Linear(in_channels, embed_dims)
        self.encoding = SpaceTimeEncoding(embed_dims, num_frames)
        self.blocks = nn.Sequential(
            *(JointAttention(embed_dims, num_heads, ffn_ratio) for _ in range(depth)))
        self.norm = nn.LayerNorm(embed_dims)
        self.expand = nn.Linear(embed_dims, in_channels)
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
        key_index, size = feats.window.key_index, frames.shape[-2:]
        tokens = self.embed(frames.flatten(3).transpose(2, 3))                         # (B,T,h·w,D)
        tokens = self.blocks(tokens + self.encoding(*size, tokens))
        correction = self.expand(self.norm(tokens[:, key_index])).transpose(1, 2).unflatten(2, size)
        return (frames[:, key_index] + correction, )
