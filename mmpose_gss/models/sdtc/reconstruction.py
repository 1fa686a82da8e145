"""Reconstruction losses of SDTC (Eq. 15) and their targets.

Shapes: B persons, T frames, L = h·w tokens of a frame, C channels of the encoder, K joints.
"""
from __future__ import annotations

from typing import Sequence, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

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
            raise KeyError(f'pose reconstruction needs gt_fields.{name} in every data sample; '
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
                 size: Tuple[int, int], device) -> Tuple[Tensor, Tensor]:
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
        KeyError: If a sample lacks the heatmaps.
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
