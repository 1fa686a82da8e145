"""TAR-ViTPose (arXiv 2603.05929): joints gather over the frames and are given back to the key frame.

Shapes: B persons, T frames, J joints, C channels, h, w feature map, N = h·w tokens of a frame, H, W heatmaps.

```
(B,T,C,h,w) ─► heatmap head ─► (B,T,J,H,W) ─► where each joint may look ─┐
      ├─► tokens (B,T·N,C) ─────────────────────► joint aggregation ◄────┘ ─► (B,J,C)
      └─► key frame's tokens (B,N,C) ─► restoring attention ◄───────────────────┘
                                              └─► (B,C,h,w) ─► heatmap head ─► (B,J,H,W)
```
"""
from __future__ import annotations

from typing import Optional, Tuple

import torch
from torch import Tensor

from mmpose_gss.models.base_neck import BaseVideoNeck
from mmpose_gss.models.clip_features import ClipFeatures
from mmpose_gss.models.tar_vitpose.joint_aggregation import JointAggregation, PostNormAttention
from mmpose_gss.models.tar_vitpose.joint_mask import joint_places, per_joint
from mmpose_gss.registry import MODELS


@MODELS.register_module()
class TARViTPoseNeck(BaseVideoNeck):
    """Neck of TAR-ViTPose. Its result are heatmaps, so the estimator's head only passes them on.

    One heatmap head serves twice: on all frames it tells where the joints may look, on the restored key frame
    it gives the result. Any number of frames and any key frame will do; the order of frames has no effect.

    Args:
        in_channels (int): C, channels of the encoder's last map.
        num_keypoints (int): J.
        heatmap_head (dict): MMPose's ``HeatmapHead`` from C channels to J heatmaps, ViTPose's.
        num_layers (int): Layers of the aggregation.
        num_heads (int): Heads of all attentions.
        ffn_ratio (float): Width of the feed-forward networks over C.
        mask_threshold (float, optional): Share of the first heatmap's range from which on a joint may look at
            a place; None lets every joint look everywhere.
        official_order (bool): Read tokens and mask in the memory order of the authors' code, which their
            weights need (see the README): neither is transposed there, so that a token is a run of the
            channel-first memory and not the channels of a place.
        init_cfg (dict, optional): MMEngine's initialisation.
    """

    def __init__(self, in_channels: int, num_keypoints: int, heatmap_head: dict, num_layers: int = 6,
                 num_heads: int = 4, ffn_ratio: float = 2., mask_threshold: Optional[float] = 0.2,
                 official_order: bool = False, init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        self.in_channels, self.num_keypoints = in_channels, num_keypoints
        self.mask_threshold, self.official_order = mask_threshold, official_order
        self.heatmap_head = MODELS.build(heatmap_head)
        self.aggregation = JointAggregation(in_channels, num_keypoints, num_layers, num_heads, ffn_ratio)
        self.restoring = PostNormAttention(in_channels, num_heads)

    def tokens(self, frames: Tensor) -> Tensor:
        """Maps ``(B,T,C,h,w)`` as tokens ``(B,T,N,C)``."""
        if self.official_order:
            return frames.reshape(*frames.shape[:2], -1, self.in_channels)
        return frames.flatten(3).transpose(2, 3)

    def key_map(self, tokens: Tensor, size: Tuple[int, int]) -> Tensor:
        """Tokens of the key frame ``(B,N,C)`` as a map ``(B,C,h,w)``."""
        if self.official_order:
            return tokens.reshape(-1, self.in_channels, *size)
        return tokens.transpose(1, 2).unflatten(2, size)

    def visible(self, frames: Tensor) -> Optional[Tensor]:
        """Which tokens each joint may look at: boolean ``(B,J,T·N)``, or None for all."""
        if self.mask_threshold is None:
            return None
        with torch.no_grad():
            first = self.heatmap_head.forward((frames.flatten(0, 1), )).unflatten(0, frames.shape[:2])
            places = joint_places(first.float(), frames.shape[-2:], self.mask_threshold)
            return per_joint(places, self.official_order)

    def forward(self, feats: ClipFeatures) -> Tuple[Tensor, ...]:
        """Run the neck.

        Args:
            feats (ClipFeatures): Its last map is ``(B,T,C,h,w)``; any key frame is honoured.

        Returns:
            tuple[Tensor]: Heatmaps ``(B,J,H,W)`` of the key frame.

        Raises:
            UserError: If C is not what the neck was built for.
        """
        frames = self.last_map(feats, feats.window.num_frames, self.in_channels)
        tokens = self.tokens(frames)
        joints = self.aggregation(tokens.flatten(1, 2), self.visible(frames))
        key_frame = self.restoring(tokens[:, feats.window.key_index], joints)
        return (self.heatmap_head.forward((self.key_map(key_frame, tuple(frames.shape[-2:])), )), )
