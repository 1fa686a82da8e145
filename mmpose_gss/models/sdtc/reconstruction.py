"""Reconstruction of what was masked: SDTC's motion decoder, its losses (Eq. 15) and their targets.

In training only; absent in inference.

Shapes: B persons, T frames, L = h·w tokens of a frame, D channels, C channels of the encoder, K joints.
"""
from __future__ import annotations

from typing import Dict, Sequence, Tuple

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmpose_gss.errors import UserError
from mmpose_gss.models.layers.attention import JointAttention
from mmpose_gss.models.layers.mlp import MLP
from mmpose_gss.models.sdtc.masking import Masks, masked_region
from mmpose_gss.models.sdtc.motion_encoder import MotionFeatures, Tokens

POSE_TARGETS = ('key', 'sequence')


def masked_mean(error: Tensor, region: Tensor) -> Tensor:
    """Mean of an error over the places of a region.

    Args:
        error (Tensor): ``(B,T,L,X)``.
        region (Tensor): ``(B,T,L)`` bool.

    Returns:
        Tensor: Scalar; zero, and still part of the graph, if the region is empty.
    """
    # where, not a product: an error that is not finite outside the region must not leak in.
    inside = torch.where(region[..., None], error, error.new_zeros(()))
    return inside.sum() / (region.sum() * error.shape[-1]).clamp(min=1)


def context_loss(prediction: Tensor, target: Tensor, region: Tensor) -> Tensor:
    """L1 distance of reconstructed features, both ``(B,T,L,C)``, in the region."""
    return masked_mean((prediction.float() - target.detach().float()).abs(), region)


def pose_loss(prediction: Tensor, target: Tensor, weights: Tensor, region: Tensor) -> Tensor:
    """Squared distance of reconstructed heatmaps in the region.

    Args:
        prediction (Tensor): ``(B,T,L,K)``.
        target (Tensor): ``(B,T,L,K)``.
        weights (Tensor): ``(B,T,K)``, zero for joints without annotation.
        region (Tensor): ``(B,T,L)`` bool; places in frames without any annotation are left out of it.

    Returns:
        Tensor: Scalar.
    """
    annotated = (weights > 0).any(dim=2)[:, :, None]
    error = (prediction.float() - target.float()).square() * weights[:, :, None].float()
    return masked_mean(error, region & annotated)


def _stack(samples: Sequence, name: str, frames: int) -> Tensor:
    """Heatmaps of a field of all samples, ``(B,frames,K,h,w)``."""
    maps = []
    for sample in samples:
        fields = getattr(sample, 'gt_fields', None)
        if fields is None or name not in fields:
            remedy = ("'mmpose_gss.GenerateClipHeatmaps'" if name == 'clip_heatmaps' else
                      "'GenerateTarget' with a heatmap codec")
            raise UserError(f'pose reconstruction needs gt_fields.{name} in every data sample; '
                            f'add {remedy} to the training pipeline')
        maps.append(fields.get(name))
    stacked = torch.stack(maps)
    return stacked.unflatten(1, (frames, stacked.shape[1] // frames))


def _weights(samples: Sequence, name: str, like: Tensor) -> Tensor:
    """Joint weights of all samples, ``(B,frames,K)``; ones where a sample has none."""
    batch, frames, keypoints = like.shape[:3]
    ones = like.new_ones(frames, keypoints)
    rows = [torch.as_tensor(sample.gt_instance_labels.get(name), device=like.device)
            if name in getattr(sample, 'gt_instance_labels', {}) else ones for sample in samples]
    return torch.stack([row.reshape(frames, keypoints) for row in rows]).to(like.dtype)


def pose_targets(samples: Sequence, kind: str, frames: int, key_index: int,
                 size: Tuple[int, int], device: torch.device) -> Tuple[Tensor, Tensor]:
    """Heatmaps to reconstruct, brought to the size of the feature map.

    Args:
        samples (Sequence[PoseDataSample]): With ``gt_fields.heatmaps`` (K,h,w) of the key frame and
            ``gt_instance_labels.keypoint_weights`` (1,K); for ``'sequence'`` with ``gt_fields.clip_heatmaps``
            (T·K,h,w) and ``gt_instance_labels.clip_keypoint_weights`` (1,T·K).
        kind (str): ``'key'``: ground truth of the key frame, other frames count as not annotated, as in
            sparsely labelled video. ``'sequence'``: ground truth of every frame that has one.
        frames (int): T.
        key_index (int): Position of the key frame.
        size (tuple): (h, w) of the feature map.
        device (torch.device): Where the features are.

    Returns:
        tuple: Targets ``(B,T,L,K)`` and weights ``(B,T,K)``.

    Raises:
        UserError: If a sample lacks the heatmaps.
    """
    if kind == 'sequence':
        maps = _stack(samples, 'clip_heatmaps', frames).to(device)
        weights = _weights(samples, 'clip_keypoint_weights', maps)
    else:
        key = _stack(samples, 'heatmaps', 1).to(device)
        before, after = key_index, frames - 1 - key_index
        maps = F.pad(key, (0, 0, 0, 0, 0, 0, before, after))
        weights = F.pad(_weights(samples, 'keypoint_weights', key), (0, 0, before, after))
    if tuple(maps.shape[-2:]) != tuple(size):
        maps = F.interpolate(maps.flatten(0, 1), size=tuple(size), mode='bilinear',
                             align_corners=False).unflatten(0, maps.shape[:2])
    return maps.flatten(3).transpose(2, 3), weights


class MotionDecoder(BaseModule):
    """Self-attention layers over all tokens and one MLP head each for features and heatmaps (Sec. 3.1).

    Args:
        embed_dims (int): Channels D of the tokens.
        num_heads (int): Heads.
        context_channels (int): Channels C of the features to reconstruct.
        num_keypoints (int): Heatmaps K to reconstruct.
        depth (int): Self-attention layers. Defaults to 2.
    """

    def __init__(self, embed_dims: int, num_heads: int, context_channels: int, num_keypoints: int,
                 depth: int = 2) -> None:
        super().__init__()
        self.num_keypoints = num_keypoints
        self.layers = nn.ModuleList(JointAttention(embed_dims, num_heads) for _ in range(depth))
        self.norm = nn.LayerNorm(embed_dims)
        self.context_head = MLP(embed_dims, 1., context_channels)
        self.pose_head = MLP(embed_dims, 1., num_keypoints)

    def forward(self, tokens: Tensor) -> Tuple[Tensor, Tensor]:
        """Reconstruct every place; the loss looks at the masked ones.

        Args:
            tokens (Tensor): Hybrid-masked feature ``(B,T,L,D)``.

        Returns:
            tuple: Features ``(B,T,L,C)`` and heatmaps ``(B,T,L,K)``.
        """
        for layer in self.layers:
            tokens = layer(tokens)
        tokens = self.norm(tokens)
        return self.context_head(tokens), self.pose_head(tokens)


class Reconstruction(BaseModule):
    """The motion decoder and what its output is compared with.

    Args:
        embed_dims (int): Channels D of the tokens.
        context_channels (int): Channels C of the encoder.
        num_keypoints (int): Heatmaps K.
        num_heads (int): Heads of the decoder.
        depth (int): Self-attention layers of the decoder.
        source (str): ``'hybrid'``: the hybrid-masked feature, as the text says; ``'frame'``: the output of
            the frame level, so that reconstruction trains that level too.
        region (str): ``'both'``: places masked by tube and frame, as Eq. 15 multiplies the masks;
            ``'either'``: places masked at any level.
        pose_target (str): ``'key'``: heatmaps of the annotated key frame; ``'sequence'``: of all annotated
            frames of the window (``gt_fields.clip_heatmaps``).
        context_weight (float): λ of Eq. 15 (table 8).

    Raises:
        UserError: If a switch has an unknown value; the sentence names it.
    """

    def __init__(self, embed_dims: int, context_channels: int, num_keypoints: int = 17, num_heads: int = 8,
                 depth: int = 2, source: str = 'hybrid', region: str = 'both', pose_target: str = 'key',
                 context_weight: float = 0.01) -> None:
        super().__init__()
        for name, value, allowed in (('source', source, ('hybrid', 'frame')),
                                     ('region', region, ('both', 'either')),
                                     ('pose_target', pose_target, POSE_TARGETS)):
            if value not in allowed:
                raise UserError(f'reconstruction.{name} must be one of {allowed}, got {value!r}')
        self.source, self.region, self.pose_target = source, region, pose_target
        self.context_weight = context_weight
        self.decoder = MotionDecoder(embed_dims, num_heads, context_channels, num_keypoints, depth)

    def forward(self, motion: MotionFeatures) -> Tuple[Tensor, Tensor]:
        """Reconstruct features ``(B,T,L,C)`` and heatmaps ``(B,T,L,K)`` of all places."""
        return self.decoder(getattr(motion, self.source))

    def loss(self, tokens: Tokens, motion: MotionFeatures, masks: Masks, batch_data_samples: Sequence,
             key_index: int) -> Dict[str, Tensor]:
        """Eq. 15 in its two parts.

        Args:
            tokens (Tokens): What was masked.
            motion (MotionFeatures): Its motion under ``masks``.
            masks (Masks): Where it was masked.
            batch_data_samples (Sequence[PoseDataSample]): Samples with targets, see :func:`pose_targets`.
            key_index (int): Position of the key frame.

        Returns:
            dict: ``loss_context`` (λ included) and ``loss_pose_recon``, scalars.
        """
        context, pose = self(motion)
        frames, length = context.shape[1:3]
        region = masked_region(masks, frames, length, self.region)
        target, weights = pose_targets(
            batch_data_samples, self.pose_target, frames, key_index, tokens.size, context.device)
        return dict(
            loss_context=self.context_weight * context_loss(context, tokens.features, region),
            loss_pose_recon=pose_loss(pose, target, weights, region))
