"""Spatial-motion mutual learning (SMML) of SDTC, Sec. 3.2, with the switches of tables 4 and 6.

```
R ─ gather frames ─► R̄ ─ refine ─► ─┐ SMCA ─► ─┐
                                     ╳          fuse ─► F
M ─ gather frames ─► M̄ ─ refine ─► ─┘ SMCA ─► ─┘
```
Shapes: B persons, T frames, h, w size of a map, L = P = h·w tokens of a frame or pixels of a map, D channels.
"""
from __future__ import annotations

from contextlib import nullcontext
from typing import Dict, Tuple

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmpose_gss.models.sdtc.fusion import ConvTransform, build_fusion


class FrameAggregation(BaseModule):
    """Gather the T maps of a window into one: channel concatenation, then a 1×1 convolution with BN.

    No ReLU follows: the context features of Eq. 7 are sums over all pixels, and features of one sign would
    give every pixel the same context in Eq. 8.

    Args:
        embed_dims (int): Channels D of each frame and of the result.
        num_frames (int): Frames T.
    """

    def __init__(self, embed_dims: int, num_frames: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(num_frames * embed_dims, embed_dims, 1, bias=False)
        self.norm = nn.BatchNorm2d(embed_dims)

    def forward(self, tokens: Tensor, height: int, width: int) -> Tensor:
        """``(B,T,L,D)`` to ``(B,D,h,w)``."""
        batch, frames, _, dims = tokens.shape
        maps = tokens.transpose(2, 3).reshape(batch, frames * dims, height, width)
        return self.norm(self.conv(maps))


class SelfFeatureRefinement(BaseModule):
    """Enhance every pixel by the contexts of its own modality.

    The three equations have no scale, so that the logits of Eq. 8 grow with the map (``context_norm`` ends
    that); they are computed in float32 under mixed precision. ``Conv`` of Eq. 8 is Conv 1×1, BN, ReLU.

    Args:
        embed_dims (int): Channels D.
        context_norm (bool): Divide each context of Eq. 7 by the sum of its weights, which makes it a mean
            of pixels as in OCR (the paper's [37]). To the letter it is a sum, P/D times as large.
    """

    def __init__(self, embed_dims: int, context_norm: bool = False) -> None:
        super().__init__()
        self.context_norm = context_norm
        self.conv = ConvTransform(embed_dims, embed_dims, 1)

    def shares(self, maps: Tensor) -> Tensor:
        """How much each pixel counts in each context, ``(B,D,P)``, from the context maps ``(B,D,P)``."""
        return maps / maps.sum(dim=2, keepdim=True) if self.context_norm else maps

    def context(self, feature: Tensor) -> Tuple[Tensor, Tensor]:
        """Context maps and pixels described by contexts.

        Args:
            feature (Tensor): Aggregated feature ``(B,D,h,w)``.

        Returns:
            tuple: Context maps O of Eq. 6, ``(B,D,h,w)``, which sum to one over the channels, and the
            argument of ``Conv`` in Eq. 8, ``(B,D,h,w)``.
        """
        # The convolution before gives half precision where autocast is on; elsewhere, as in an exported
        # graph, there is nothing to switch off.
        half = feature.dtype in (torch.float16, torch.bfloat16)
        with torch.autocast(feature.device.type, enabled=False) if half else nullcontext():
            pixels = feature.flatten(2)                                          # (B,D,P)
            pixels = pixels.float() if half else pixels
            maps = pixels.softmax(dim=1)                                         # O, Eq. 6
            context = pixels @ self.shares(maps).transpose(1, 2)                 # OC (B,D,D), Eq. 7
            relation = (pixels.transpose(1, 2) @ context).softmax(dim=2)         # (B,P,D), Eq. 8
            described = (relation @ context.transpose(1, 2)).transpose(1, 2)     # (B,D,P)
        return maps.view_as(feature), described.reshape(feature.shape)

    def forward(self, feature: Tensor) -> Tuple[Tensor, Tensor]:
        """Refine a modality.

        Args:
            feature (Tensor): Aggregated feature ``(B,D,h,w)``.

        Returns:
            tuple: Refined feature and context maps, both ``(B,D,h,w)``.
        """
        maps, described = self.context(feature)
        return self.conv(described), maps


class SpatialMotionCrossAttention(BaseModule):
    """Bring what the guidance knows into the source: φ(S + softmax(Q Kᵀ / √d) V).

    Q comes from the source, K and V from the guidance, each through an own 1×1 convolution; one head, and
    d is the number of channels; φ is Conv 3×3, BN, ReLU.

    Args:
        embed_dims (int): Channels D.
    """

    def __init__(self, embed_dims: int) -> None:
        super().__init__()
        self.query = nn.Conv2d(embed_dims, embed_dims, 1)
        self.key = nn.Conv2d(embed_dims, embed_dims, 1)
        self.value = nn.Conv2d(embed_dims, embed_dims, 1)
        self.transform = ConvTransform(embed_dims, embed_dims, 3)

    def forward(self, source: Tensor, guidance: Tensor) -> Tensor:
        """Update the source.

        Args:
            source (Tensor): S, ``(B,D,h,w)``.
            guidance (Tensor): G, ``(B,D,h,w)``.

        Returns:
            Tensor: ``(B,D,h,w)``.
        """
        def as_tokens(x: Tensor) -> Tensor:
            return x.flatten(2).transpose(1, 2)[:, None]                         # (B,1,P,D)

        # One head is spelt out as a dimension: the fused CPU kernel takes four dimensions only.
        attended = F.scaled_dot_product_attention(
            as_tokens(self.query(source)), as_tokens(self.key(guidance)), as_tokens(self.value(guidance)))
        return self.transform(source + attended[:, 0].transpose(1, 2).reshape(source.shape))


class SpatialMotionMutualLearning(BaseModule):
    """Refine each modality, let them inform each other, fuse them.

    Args:
        embed_dims (int): Channels D.
        num_frames (int): Frames T.
        refine (bool): Self-feature refinement, Eq. 6 to 8.
        propagate (bool): Cross-feature propagation, Eq. 9 and 10.
        fusion (str): ``'adaptive'`` (Eq. 11 to 13), ``'add'`` or ``'conv'``.
        context_norm (bool): See :class:`SelfFeatureRefinement`; not in the text.

    Raises:
        UserError: If the fusion is none of these.
    """

    def __init__(self, embed_dims: int, num_frames: int, refine: bool = True, propagate: bool = True,
                 fusion: str = 'adaptive', context_norm: bool = False) -> None:
        super().__init__()
        self.gather_spatial = FrameAggregation(embed_dims, num_frames)
        self.gather_motion = FrameAggregation(embed_dims, num_frames)
        self.refine_spatial = SelfFeatureRefinement(embed_dims, context_norm) if refine else None
        self.refine_motion = SelfFeatureRefinement(embed_dims, context_norm) if refine else None
        self.inform_spatial = SpatialMotionCrossAttention(embed_dims) if propagate else None
        self.inform_motion = SpatialMotionCrossAttention(embed_dims) if propagate else None
        self.fuse = build_fusion(fusion, embed_dims)

    def stages(self, spatial: Tensor, motion: Tensor, height: int, width: int) -> Dict[str, Tensor]:
        """Run the module and keep what a picture may show.

        Args:
            spatial (Tensor): Tokens R, ``(B,T,L,D)``.
            motion (Tensor): Motion M, ``(B,T,L,D)``.
            height (int): Rows h of a map.
            width (int): Columns w of a map.

        Returns:
            dict: Maps ``(B,D,h,w)`` ``spatial`` and ``motion`` (gathered), ``fused``, and where the parts
            are on, ``context_spatial``, ``context_motion`` (Eq. 6), ``attention_spatial`` and
            ``attention_motion`` (Eq. 12, ``(B,1,h,w)``).
        """
        spatial = self.gather_spatial(spatial, height, width)
        motion = self.gather_motion(motion, height, width)
        stages = dict(spatial=spatial, motion=motion)
        if self.refine_spatial is not None:
            spatial, stages['context_spatial'] = self.refine_spatial(spatial)
            motion, stages['context_motion'] = self.refine_motion(motion)
        if self.inform_spatial is not None:
            spatial, motion = self.inform_spatial(spatial, motion), self.inform_motion(motion, spatial)
        fused, attention = self.fuse(spatial, motion)
        return dict(stages, fused=fused, **attention)

    def forward(self, spatial: Tensor, motion: Tensor, height: int, width: int) -> Tensor:
        """As :meth:`stages`; returns the fused map ``(B,D,h,w)`` alone."""
        return self.stages(spatial, motion, height, width)['fused']
