"""SDTC as a neck: multi-level semantic motion, then spatial-motion mutual learning, on frozen features.

```
features (B,T,C,h,w) ─ tokens + encodings R ─┬─ motion encoder ─► M ─┐
                                             │     └─ decoder ─► losses (training)
                                             └────────────────────── SMML ─► F (B,D,h,w)
```
Shapes: B persons, T frames, C input channels, D channels, h, w size of the map, L = h·w, K joints.
"""
from __future__ import annotations

from typing import Dict, NamedTuple, Optional, Sequence, Tuple

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmpose_gss.errors import UserError
from mmpose_gss.models.base_neck import BaseVideoNeck
from mmpose_gss.models.clip_features import ClipFeatures
from mmpose_gss.models.sdtc.encodings import SpaceTimeEncoding
from mmpose_gss.models.sdtc.flow_motion import FlowMotion
from mmpose_gss.models.sdtc.masking import Masks, masked_region
from mmpose_gss.models.sdtc.motion_decoder import MotionDecoder
from mmpose_gss.models.sdtc.motion_encoder import MotionEncoder, MotionFeatures, PlainMotionEncoder
from mmpose_gss.models.sdtc.mutual_learning import SpatialMotionMutualLearning
from mmpose_gss.models.sdtc.reconstruction import POSE_TARGETS, context_loss, pose_loss, pose_targets
from mmpose_gss.registry import MODELS

MOTIONS = ('mlsme', 'plain', 'flow')


def _choice(name: str, value: str, allowed: Sequence[str]) -> str:
    """Check a switch."""
    if value not in allowed:
        raise ValueError(f'SDTCNeck: {name} must be one of {tuple(allowed)}, got {value!r}')
    return value


class Tokens(NamedTuple):
    """Input of the motion encoder.

    Attributes:
        features (Tensor): Features of the encoder as tokens, ``(B,T,L,C)``; their mean if a token is several.
        embedded (Tensor): R, projected to D where C or the size differs, encodings added, ``(B,T,L,D)``.
        encoding (Tensor): The encodings alone, broadcastable to R.
        size (tuple): (h, w) of the grid of tokens.
        flow (Tensor, optional): Flow maps ``(B,T,2,h,w)`` of optical flow as motion.
    """

    features: Tensor
    embedded: Tensor
    encoding: Tensor
    size: Tuple[int, int]
    flow: Optional[Tensor]


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
        num_keypoints (int): Heatmaps K to reconstruct.
        token_stride (int): Side of the square of the map that makes one token and one pixel of the output.
            Joint attention costs (T·L)², so 2 is 16 times cheaper; let the head upsample then. Paper: 1.
        num_heads (int): Heads of all self-attention layers.
        num_joint (int): Joint attention layers of a level.
        num_divided (int): Divided attention layers of a level.
        ffn_ratio (float): Width of feed-forward networks over D.
        motion (str): ``'mlsme'``; ``'plain'``: transformer blocks without levels and masks (table 5 a);
            ``'flow'``: optical flow (table 4 a, b), see :class:`FlowMotion`.
        flow (dict, optional): Arguments of :class:`FlowMotion` for ``'flow'``.
        plain_depth (int): Blocks of ``'plain'``.
        levels (Sequence[str]): ``('patch', 'frame')`` or ``('patch',)`` (table 5 b).
        mask_ratio (float): Share of patches and frames masked in training (table 5).
        mask_patch (int): Side of a masked patch in tokens.
        encode_masked (bool): Add the encodings to the learnable tokens; see :class:`MotionEncoder`.
        spatial_encoding (bool): Sine-cosine encoding of the place (table 7).
        temporal_encoding (bool): Learnable encoding of the frame (table 7).
        refine (bool): Self-feature refinement (table 6).
        propagate (bool): Cross-feature propagation (table 6).
        fusion (str): ``'adaptive'``, ``'add'`` or ``'conv'`` (tables 4 and 6).
        decoder_depth (int): Self-attention layers of the motion decoder.
        decoder_input (str): ``'hybrid'``: the hybrid-masked feature, as the text says; ``'frame'``: the
            output of the frame level, so that reconstruction trains that level too.
        loss_region (str): ``'both'``: places masked by tube and frame, as Eq. 15 multiplies the masks;
            ``'either'``: places masked at any level.
        pose_target (str): ``'key'``: heatmaps of the annotated key frame; ``'sequence'``: of all annotated
            frames of the window (``gt_fields.clip_heatmaps``).
        context_weight (float): λ of Eq. 15 (table 8).
        with_cp (bool): Recompute the encoder's activations in the backward pass to save memory.
        init_cfg (dict, optional): MMEngine's initialisation.

    Raises:
        ValueError: If a switch has an unknown value; the sentence names it.
    """

    def __init__(self,
                 in_channels: int = 256,
                 embed_dims: int = 256,
                 num_frames: int = 5,
                 key_index: Optional[int] = None,
                 num_keypoints: int = 17,
                 token_stride: int = 1,
                 num_heads: int = 8,
                 num_joint: int = 1,
                 num_divided: int = 2,
                 ffn_ratio: float = 4.0,
                 motion: str = 'mlsme',
                 flow: Optional[dict] = None,
                 plain_depth: int = 6,
                 levels: Sequence[str] = ('patch', 'frame'),
                 mask_ratio: float = 0.5,
                 mask_patch: int = 1,
                 encode_masked: bool = True,
                 spatial_encoding: bool = True,
                 temporal_encoding: bool = True,
                 refine: bool = True,
                 propagate: bool = True,
                 fusion: str = 'adaptive',
                 decoder_depth: int = 2,
                 decoder_input: str = 'hybrid',
                 loss_region: str = 'both',
                 pose_target: str = 'key',
                 context_weight: float = 0.01,
                 with_cp: bool = False,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.in_channels = in_channels
        self.num_frames = num_frames
        self.key_index = num_frames // 2 if key_index is None else key_index
        self.motion = _choice('motion', motion, MOTIONS)
        self.decoder_input = _choice('decoder_input', decoder_input, ('hybrid', 'frame'))
        self.loss_region = _choice('loss_region', loss_region, ('both', 'either'))
        self.pose_target = _choice('pose_target', pose_target, POSE_TARGETS)
        self.context_weight = context_weight
        self.token_stride = token_stride
        same = token_stride == 1 and in_channels == embed_dims
        self.project = (nn.Identity() if same else
                        nn.Conv2d(in_channels, embed_dims, token_stride, token_stride))
        self.encoding = SpaceTimeEncoding(embed_dims, num_frames, spatial_encoding, temporal_encoding)
        self.decoder: Optional[MotionDecoder] = None
        if motion == 'flow':
            self.motion_encoder: BaseModule = FlowMotion(embed_dims, **(flow or {}))
        elif motion == 'plain':
            self.motion_encoder = PlainMotionEncoder(embed_dims, num_heads, plain_depth, ffn_ratio, with_cp)
        else:
            self.motion_encoder = MotionEncoder(
                embed_dims, num_heads, levels, mask_ratio, mask_patch, encode_masked, num_joint, num_divided,
                ffn_ratio, with_cp)
            self.decoder = MotionDecoder(embed_dims, num_heads, in_channels, num_keypoints, decoder_depth)
        self.mutual = SpatialMotionMutualLearning(embed_dims, num_frames, refine, propagate, fusion)
        if decoder_input == 'frame' and (motion != 'mlsme' or 'frame' not in levels):
            raise ValueError("SDTCNeck: decoder_input='frame' needs motion='mlsme' with the frame level")

    def tokens(self, feats: ClipFeatures) -> Tokens:
        """Turn maps into tokens with their encodings.

        Args:
            feats (ClipFeatures): Its last map is ``(B,T,C,h,w)``; ``motion='flow'`` takes the images, too.

        Returns:
            Tokens: Features, R, encodings, flow.

        Raises:
            UserError: If frames, channels or the key frame are not those that the neck was built for.
        """
        window_maps = self.last_map(feats, self.num_frames, self.in_channels)
        if feats.window.key_index != self.key_index:
            raise UserError(
                f'SDTCNeck was built for windows with the key frame at {self.key_index}, but got one at '
                f"{feats.window.key_index}; set the neck's key_index to the place of 0 in frame_offsets")
        window, maps = window_maps.shape[:2], window_maps.flatten(0, 1)
        pooled = F.avg_pool2d(maps, self.token_stride) if self.token_stride > 1 else maps
        embedded = self.project(maps)
        size = tuple(embedded.shape[2:])
        features, embedded = (
            grid.flatten(2).transpose(1, 2).unflatten(0, window) for grid in (pooled, embedded))
        encoding = self.encoding(*size, embedded)
        flow = None
        if isinstance(self.motion_encoder, FlowMotion):
            flow = self.motion_encoder.flow(feats, self.token_stride)
        return Tokens(features, embedded + encoding, encoding, size, flow)

    def extract_motion(self, tokens: Tokens, masks: Optional[Masks] = None) -> MotionFeatures:
        """Run the motion encoder on tokens, masked if masks are given."""
        if tokens.flow is not None:
            return MotionFeatures(motion=self.motion_encoder(tokens.flow))
        return self.motion_encoder(tokens.embedded, tokens.encoding, masks)

    def draw_masks(self, tokens: Tokens, generator: Optional[torch.Generator] = None) -> Optional[Masks]:
        """Masks for tokens; None where the setting has no masking."""
        if not isinstance(self.motion_encoder, MotionEncoder):
            return None
        batch, frames = tokens.embedded.shape[:2]
        return self.motion_encoder.draw_masks(batch, frames, *tokens.size, tokens.embedded.device, generator)

    def forward(self, feats: ClipFeatures) -> Tuple[Tensor, ...]:
        """Fuse the window into the key frame; deterministic and without masks.

        Args:
            feats (ClipFeatures): As in :meth:`tokens`.

        Returns:
            tuple[Tensor]: F of Eq. 13, ``(B,D,h,w)``, h and w those of the grid of tokens.
        """
        tokens = self.tokens(feats)
        motion = self.extract_motion(tokens).motion
        return (self.mutual(tokens.embedded, motion, *tokens.size), )

    def loss(self, feats: ClipFeatures,
             batch_data_samples: Sequence) -> Tuple[Tuple[Tensor, ...], Dict[str, Tensor]]:
        """Fuse masked windows and judge the reconstruction of what was masked.

        Args:
            feats (ClipFeatures): As in :meth:`tokens`.
            batch_data_samples (Sequence[PoseDataSample]): Samples with heatmap targets, see
                :func:`pose_targets`.

        Returns:
            tuple: As of :meth:`forward`, and, in training with a motion decoder, the losses
            ``loss_context`` (λ included) and ``loss_pose_recon``.
        """
        if not self.training or self.decoder is None:
            return self(feats), {}
        tokens = self.tokens(feats)
        masks = self.draw_masks(tokens)
        motion = self.extract_motion(tokens, masks)
        fused = self.mutual(tokens.embedded, motion.motion, *tokens.size)
        return (fused, ), self.reconstruction_loss(tokens, motion, masks, batch_data_samples)

    def reconstruction_loss(self, tokens: Tokens, motion: MotionFeatures, masks: Masks,
                            batch_data_samples: Sequence) -> Dict[str, Tensor]:
        """Eq. 15 in its two parts.

        Args:
            tokens (Tokens): From :meth:`tokens`.
            motion (MotionFeatures): From :meth:`extract_motion` with ``masks``.
            masks (Masks): What was masked.
            batch_data_samples (Sequence[PoseDataSample]): Samples with targets.

        Returns:
            dict: ``loss_context`` and ``loss_pose_recon``, scalars.
        """
        source = motion.frame if self.decoder_input == 'frame' else motion.hybrid
        context, pose = self.decoder(source)
        batch, frames, length = context.shape[:3]
        region = masked_region(masks, frames, length, self.loss_region)
        target, weights = pose_targets(
            batch_data_samples, self.pose_target, frames, self.key_index, tokens.size, context.device)
        return dict(
            loss_context=self.context_weight * context_loss(context, tokens.features, region),
            loss_pose_recon=pose_loss(pose, target, weights, region))

    def switch_to_deploy(self) -> None:
        """Drop what only training needs, the decoder and the learnable mask tokens, before an export."""
        self.decoder = None
        if isinstance(self.motion_encoder, MotionEncoder):
            self.motion_encoder.patch_token = None
            self.motion_encoder.frame_token = None
        self.eval()
