"""SDTC as a neck: multi-level semantic motion, then spatial-motion mutual learning, on frozen features.

```
features (B,T,C,h,w) ─ tokens + encodings R ─┬─ motion ─► M ─────────────────┐
                                             │     └─ reconstruction ─► losses (training)
                                             └────────────────────────────── SMML ─► F (B,D,h,w)
```
Shapes: B persons, T frames, C input channels, D channels, h, w size of the grid of tokens, L = h·w.
"""
from __future__ import annotations

from types import MappingProxyType
from typing import Dict, Mapping, Optional, Sequence, Tuple

import torch.nn.functional as F
from torch import Tensor, nn

from mmpose_gss.errors import UserError
from mmpose_gss.models.base_neck import BaseVideoNeck
from mmpose_gss.models.clip_features import ClipFeatures
from mmpose_gss.models.layers.feature_skip import SKIPS, FeatureSkip, zero_conv
from mmpose_gss.models.layers.space_time_encoding import SpaceTimeEncoding
from mmpose_gss.models.sdtc.flow_motion import FlowMotion
from mmpose_gss.models.sdtc.motion_encoder import (
    BaseMotion,
    MotionEncoder,
    MotionFeatures,
    PlainMotionEncoder,
    Tokens,
)
from mmpose_gss.models.sdtc.mutual_learning import SpatialMotionMutualLearning
from mmpose_gss.models.sdtc.reconstruction import Reconstruction
from mmpose_gss.registry import MODELS

MOTIONS = dict(mlsme=MotionEncoder, plain=PlainMotionEncoder, flow=FlowMotion)
#: The paper's setting of a part.
DEFAULT: Mapping = MappingProxyType({})


def build_motion(motion: Mapping, embed_dims: int) -> BaseMotion:
    """Build the part for motion.

    Args:
        motion (dict): ``type`` out of ``'mlsme'`` (default), ``'plain'`` and ``'flow'``, and its arguments.
        embed_dims (int): Channels D.

    Raises:
        UserError: If the type is unknown.
    """
    arguments = dict(motion)
    kind = arguments.pop('type', 'mlsme')
    if kind not in MOTIONS:
        raise UserError(f'SDTCNeck: motion.type must be one of {tuple(MOTIONS)}, got {kind!r}')
    return MOTIONS[kind](embed_dims, **arguments)


@MODELS.register_module()
class SDTCNeck(BaseVideoNeck):
    """Semantic dynamics and spatio-temporal collaboration (Feng and Chen; SDTC), Eq. 1 to 13, 15.

    The default arguments are the paper's setting as read in the README of the algorithm. Masking takes
    place only in :meth:`loss` of a module in training mode; :meth:`forward` never masks.

    Args:
        in_channels (int): Channels C of the encoder.
        embed_dims (int): Channels D. Tokens are projected linearly if D differs from C.
        num_frames (int): Frames T of the window.
        key_index (int, optional): Position of the key frame. The weights gather the frames by position, so
            windows with another key frame are refused. Defaults to ``T // 2``.
        token_stride (int): Side of the square of the map that makes one token and one pixel of the output.
            Joint attention costs (T·L)², so 2 is 16 times cheaper; let the head upsample then. Paper: 1.
        encoding (dict): ``spatial`` and ``temporal`` of :class:`SpaceTimeEncoding` (table 7).
        motion (dict): ``type`` ``'mlsme'`` with the arguments of :class:`MotionEncoder`; ``'plain'`` with
            those of :class:`PlainMotionEncoder` (table 5 a); ``'flow'`` with those of :class:`FlowMotion`
            (table 4 a, b).
        mutual (dict): ``refine``, ``propagate`` and ``fusion`` of :class:`SpatialMotionMutualLearning`
            (tables 4 and 6), and ``context_norm``, which is not in the text.
        skip (str): What of the encoder's features F corrects: ``'window'``, the key frame's and a 1×1
            convolution over all frames that starts at zero; ``'key'``, the key frame's; ``'none'``, as in
            the text. With either skip F passes a 1×1 convolution that starts at zero and is upsampled
            bilinearly to the map, so that training starts from the single frame, and the result has C
            channels like the encoder, whose head can be taken over.
        reconstruction (dict, optional): Arguments of :class:`Reconstruction`; None trains without masks and
            reconstruction, as motion that masks nothing must.
        init_cfg (dict, optional): MMEngine's initialisation.

    Raises:
        UserError: If a switch has an unknown value, or there is nothing to reconstruct from.
    """

    def __init__(self, in_channels: int = 256, embed_dims: int = 256, num_frames: int = 5,
                 key_index: Optional[int] = None, token_stride: int = 1, encoding: Mapping = DEFAULT,
                 motion: Mapping = DEFAULT, mutual: Mapping = DEFAULT, skip: str = 'none',
                 reconstruction: Optional[Mapping] = DEFAULT, init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.in_channels, self.num_frames, self.token_stride = in_channels, num_frames, token_stride
        self.key_index = num_frames // 2 if key_index is None else key_index
        same = token_stride == 1 and in_channels == embed_dims
        self.project = (nn.Identity() if same else
                        nn.Conv2d(in_channels, embed_dims, token_stride, token_stride))
        self.encoding = SpaceTimeEncoding(embed_dims, num_frames, **encoding)
        self.motion_encoder = build_motion(motion, embed_dims)
        self.reconstruction: Optional[Reconstruction] = None
        if reconstruction is not None:
            self.reconstruction = Reconstruction(embed_dims, in_channels, **reconstruction)
            if self.reconstruction.source not in self.motion_encoder.reconstructs:
                given = self.motion_encoder.reconstructs or 'it masks nothing'
                raise UserError(
                    f'SDTCNeck: reconstruction.source={self.reconstruction.source!r} is nothing that this '
                    f'motion gives ({given}); choose another or set reconstruction=None')
        self.mutual = SpatialMotionMutualLearning(embed_dims, num_frames, **mutual)
        if skip not in SKIPS:
            raise UserError(f'SDTCNeck: skip must be one of {SKIPS}, got {skip!r}')
        self.skip = self.expand = None
        if skip != 'none':
            self.skip = FeatureSkip(in_channels, num_frames, skip)
            self.expand = zero_conv(embed_dims, in_channels)

    def tokens(self, feats: ClipFeatures) -> Tokens:
        """Turn maps into tokens with their encodings.

        Args:
            feats (ClipFeatures): Its last map is ``(B,T,C,H,W)``; optical flow takes the images, too.

        Returns:
            Tokens: Features, R, encodings.

        Raises:
            UserError: If frames, channels or the key frame are not those that the neck was built for.
        """
        maps = self.last_map(feats, self.num_frames, self.in_channels)
        if feats.window.key_index != self.key_index:
            raise UserError(
                f'SDTCNeck was built for windows with the key frame at {self.key_index}, but got one at '
                f"{feats.window.key_index}; set the neck's key_index to the place of 0 in frame_offsets")
        window, maps = maps.shape[:2], maps.flatten(0, 1)
        pooled = F.avg_pool2d(maps, self.token_stride) if self.token_stride > 1 else maps
        embedded = self.project(maps)
        size = tuple(embedded.shape[2:])
        features, embedded = (
            grid.flatten(2).transpose(1, 2).unflatten(0, window) for grid in (pooled, embedded))
        encoding = self.encoding(*size, embedded)
        return Tokens(features, embedded + encoding, encoding, size, feats)

    def forward(self, feats: ClipFeatures) -> Tuple[Tensor, ...]:
        """Fuse the window into the key frame; deterministic and without masks.

        Args:
            feats (ClipFeatures): As in :meth:`tokens`.

        Returns:
            tuple[Tensor]: F of Eq. 13, ``(B,D,h,w)``, h and w those of the grid of tokens; with a skip
            ``(B,C,H,W)``, the size of the map.
        """
        tokens = self.tokens(feats)
        return (self.fuse(tokens, self.motion_encoder(tokens)), )

    def fuse(self, tokens: Tokens, motion: MotionFeatures) -> Tensor:
        """Mutual learning of tokens and motion, and the skip where there is one; returns one map."""
        fused = self.mutual(tokens.embedded, motion.motion, *tokens.size)
        if self.skip is None:
            return fused
        correction, maps = self.expand(fused), tokens.clip.maps[-1]
        if self.token_stride > 1:
            size = tuple(maps.shape[-2:])
            correction = F.interpolate(correction, size=size, mode='bilinear', align_corners=False)
        return self.skip(maps, self.key_index) + correction

    def loss(self, feats: ClipFeatures,
             batch_data_samples: Sequence) -> Tuple[Tuple[Tensor, ...], Dict[str, Tensor]]:
        """Fuse masked windows and judge the reconstruction of what was masked.

        Args:
            feats (ClipFeatures): As in :meth:`tokens`.
            batch_data_samples (Sequence[PoseDataSample]): Samples with heatmap targets, see
                :func:`~mmpose_gss.models.sdtc.reconstruction.pose_targets`.

        Returns:
            tuple: As of :meth:`forward`, and, in training with reconstruction, the losses ``loss_context``
            (λ included) and ``loss_pose_recon``.
        """
        if not self.training or self.reconstruction is None:
            return self(feats), {}
        tokens = self.tokens(feats)
        masks = self.motion_encoder.draw_masks(tokens)
        motion = self.motion_encoder(tokens, masks)
        fused = self.fuse(tokens, motion)
        losses = self.reconstruction.loss(tokens, motion, masks, batch_data_samples, self.key_index)
        return (fused, ), losses

    def switch_to_deploy(self) -> None:
        """Drop what only training needs, before an export."""
        self.reconstruction = None
        self.motion_encoder.switch_to_deploy()
        self.eval()
