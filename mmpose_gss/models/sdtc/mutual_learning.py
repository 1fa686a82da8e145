"""Spatial-motion mutual learning (SMML) of SDTC, Sec. 3.2, with the switches of tables 4 and 6.

```
R ─ gather frames ─► R̄ ─ refine ─► ─┐ SMCA ─► ─┐
                                     ╳          fuse ─► F
M ─ gather frames ─► M̄ ─ refine ─► ─┘ SMCA ─► ─┘
```
Shapes: B persons, T frames, L = h·w tokens of a frame, D channels.
"""
from __future__ import annotations

from typing import Dict

from mmengine.model import BaseModule
from torch import Tensor

from mmpose_gss.models.sdtc.aggregation import FrameAggregation
from mmpose_gss.models.sdtc.cross_attention import SpatialMotionCrossAttention
from mmpose_gss.models.sdtc.fusion import AdaptiveFusion, AdditiveFusion, ConvFusion
from mmpose_gss.models.sdtc.refinement import SelfFeatureRefinement

FUSIONS = ('adaptive', 'add', 'conv')


class SpatialMotionMutualLearning(BaseModule):
    """Refine each modality, let them inform each other, fuse them.

    Args:
        dims (int): Channels D.
        num_frames (int): Frames T.
        refine (bool): Self-feature refinement, Eq. 6 to 8.
        propagate (bool): Cross-feature propagation, Eq. 9 and 10.
        fusion (str): ``'adaptive'`` (Eq. 11 to 13), ``'add'`` or ``'conv'``.

    Raises:
        ValueError: If the fusion is none of these.
    """

    def __init__(self, dims: int, num_frames: int, refine: bool = True, propagate: bool = True,
                 fusion: str = 'adaptive') -> None:
        super().__init__()
        if fusion not in FUSIONS:
            raise ValueError(f'fusion must be one of {FUSIONS}, got {fusion!r}')
        self.gather_spatial = FrameAggregation(dims, num_frames)
        self.gather_motion = FrameAggregation(dims, num_frames)
        self.refine_spatial = SelfFeatureRefinement(dims) if refine else None
        self.refine_motion = SelfFeatureRefinement(dims) if refine else None
        self.inform_spatial = SpatialMotionCrossAttention(dims) if propagate else None
        self.inform_motion = SpatialMotionCrossAttention(dims) if propagate else None
        self.fuse = AdditiveFusion() if fusion == 'add' else (
            ConvFusion(dims) if fusion == 'conv' else AdaptiveFusion(dims))

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
