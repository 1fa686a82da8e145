"""Poseidon (arXiv 2501.08446): depths fused, frames weighted, the key frame asks the others.

Shapes: B persons, T frames, S depths of the encoder, C channels, h, w feature map, L = h·w tokens of a frame.

```
S × (B,T,C,h,w) ─► LayerNorm of all but the last ─► multi-scale fusion ─► frame weighting ─► (B,T,C,h,w)
     other frames ─► self-attention within each ─┐
     key frame ──────────────────────────────────┴─► cross-attention ─► LayerNorm ─► + key frame ─► (B,C,h,w)
```
"""
from __future__ import annotations

from typing import Optional, Tuple

import torch
from torch import Tensor, nn

from mmpose_gss.errors import UserError
from mmpose_gss.models.base_neck import BaseVideoNeck
from mmpose_gss.models.clip_features import ClipFeatures
from mmpose_gss.models.layers.cross_attention import CrossAttention
from mmpose_gss.models.poseidon.frame_weighting import FrameWeighting
from mmpose_gss.models.poseidon.multi_scale_fusion import MultiScaleFusion
from mmpose_gss.registry import MODELS


@MODELS.register_module()
class PoseidonNeck(BaseVideoNeck):
    """Neck of Poseidon. Any key frame and any T of two or more will do; the others' order has no effect.

    The three last arguments repeat what the authors' code does differently from their paper; their weights
    need the first two (see the README).

    Args:
        in_channels (int): C, the same for all of the encoder's outputs.
        num_depths (int): S, number of the encoder's outputs.
        num_heads (int): Heads of all attentions.
        official_order (bool): Tokens in the memory order of the authors' code; see
            :class:`~mmpose_gss.models.poseidon.multi_scale_fusion.MultiScaleFusion`.
        norm_map_size (tuple[int, int], optional): Normalise over channels and places together, with a weight
            for each of them, which ties the model to feature maps of this h and w. None: over channels.
        mix_persons (bool): Let a key frame ask frames of all persons of the batch, as the authors' code does
            for more than one. Not for use: it makes a result depend on its batch.
        init_cfg (dict, optional): MMEngine's initialisation.
    """

    def __init__(self, in_channels: int, num_depths: int = 3, num_heads: int = 4,
                 official_order: bool = False, norm_map_size: Optional[Tuple[int, int]] = None,
                 mix_persons: bool = False, init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        self.in_channels, self.num_depths = in_channels, num_depths
        self.official_order, self.mix_persons = official_order, mix_persons
        self.norm_map_size = None if norm_map_size is None else tuple(norm_map_size)
        self.depth_norms = nn.ModuleList(nn.LayerNorm(in_channels) for _ in range(num_depths - 1))
        self.fusion = MultiScaleFusion(in_channels, num_heads, official_order)
        self.weighting = FrameWeighting(in_channels)
        self.within_frame = CrossAttention(in_channels, num_heads)
        self.across_frames = CrossAttention(in_channels, num_heads)
        shape = in_channels if self.norm_map_size is None else [in_channels, *self.norm_map_size]
        self.norm = nn.LayerNorm(shape)

    def depths(self, feats: ClipFeatures) -> list:
        """The S maps ``(B·T,C,h,w)``, all but the last normalised over channels."""
        if len(feats.maps) != self.num_depths:
            raise UserError(f'PoseidonNeck was built for {self.num_depths} outputs of the encoder, but got '
                            f"{len(feats.maps)}; set the backbone's out_indices or the neck's num_depths")
        maps = []
        for i, frames in enumerate(feats.maps):
            frames = self.last_map(ClipFeatures([frames], None, feats.window), feats.window.num_frames,
                                   self.in_channels).flatten(0, 1)
            if i < self.num_depths - 1:
                tokens = self.depth_norms[i](frames.flatten(2).transpose(1, 2))        # (B·T,L,C)
                frames = tokens.reshape(frames.shape) if self.official_order else \
                    tokens.transpose(1, 2).unflatten(2, frames.shape[-2:])
            maps.append(frames)
        return maps

    def gather(self, key_frame: Tensor, others: Tensor) -> Tensor:
        """What the key frame's tokens ``(B,L,C)`` find in the others' ``(B,T-1,L,C)``: ``(B,L,C)``."""
        others = self.within_frame(*[others.flatten(0, 1)] * 2).view_as(others)
        if self.mix_persons:
            batch, _, _, channels = others.shape
            context = others.permute(2, 0, 1, 3).reshape(-1, batch, channels).transpose(0, 1)
        else:
            context = others.flatten(1, 2)
        return self.across_frames(key_frame, context)

    def normalised(self, found: Tensor) -> Tensor:
        """Normalise ``(B,C,h,w)``."""
        if self.norm_map_size is None:
            return self.norm(found.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        if tuple(found.shape[-2:]) != self.norm_map_size:
            raise UserError(
                f'PoseidonNeck was built for feature maps of norm_map_size={self.norm_map_size}, but got '
                f'{tuple(found.shape[-2:])}; change the input size or leave norm_map_size out')
        return self.norm(found)

    def forward(self, feats: ClipFeatures) -> Tuple[Tensor, ...]:
        """Run the neck.

        Args:
            feats (ClipFeatures): S maps ``(B,T,C,h,w)`` of one size; any key frame is honoured.

        Returns:
            tuple[Tensor]: One map ``(B,C,h,w)`` of the key frame.

        Raises:
            UserError: If S, C or a tied size are not those that the neck was built for, or T is 1.
        """
        key_index, num_frames = feats.window.key_index, feats.window.num_frames
        if num_frames < 2:
            raise UserError(
                'PoseidonNeck needs frames beside the key frame; give frame_offsets of three or more')
        fused = self.fusion(self.depths(feats)).unflatten(0, (-1, num_frames))
        frames = self.weighting(fused)
        key_frame = frames[:, key_index]
        others = torch.cat((frames[:, :key_index], frames[:, key_index + 1:]), dim=1)
        found = self.gather(key_frame.flatten(2).transpose(1, 2), others.flatten(3).transpose(2, 3))
        found = found.transpose(1, 2).unflatten(2, key_frame.shape[-2:])
        return (self.normalised(found) + key_frame, )
