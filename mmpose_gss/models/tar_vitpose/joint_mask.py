"""Where a joint may look: the places of its own first heatmaps.

Shapes: B persons, T frames, J joints, H, W size of the heatmaps, h, w size of the feature map.
"""
from __future__ import annotations

from typing import Tuple

import torch.nn.functional as F
from torch import Tensor


def joint_places(heatmaps: Tensor, map_size: Tuple[int, int], threshold: float) -> Tensor:
    """Places of the feature maps where the first heatmap of a joint is not low.

    Every heatmap is brought to 0..1, shrunk, and compared with the threshold.

    Args:
        heatmaps (Tensor): ``(B,T,J,H,W)``.
        map_size (tuple[int, int]): h and w.
        threshold (float): Share of a heatmap's range.

    Returns:
        Tensor: Boolean ``(B,T,J,h·w)``.
    """
    low, high = heatmaps.amin((-2, -1), keepdim=True), heatmaps.amax((-2, -1), keepdim=True)
    shares = (heatmaps - low) / (high - low + 1e-6)
    small = F.interpolate(shares.flatten(0, 1), size=map_size, mode='bilinear', align_corners=False)
    return (small >= threshold).unflatten(0, heatmaps.shape[:2]).flatten(3)


def per_joint(places: Tensor, official_order: bool) -> Tensor:
    """One row of the attention's mask for every joint.

    Args:
        places (Tensor): ``(B,T,J,N)``.
        official_order (bool): Reinterpret the memory as (J,T) instead of exchanging the two, as the authors'
            code does; row j then mixes frames and joints.

    Returns:
        Tensor: Boolean ``(B,J,T·N)``. A joint that would see nothing sees everything.
    """
    batch, frames, joints, number = places.shape
    if official_order:
        rows = places.reshape(batch, joints, frames * number)
    else:
        rows = places.transpose(1, 2).reshape(batch, joints, frames * number)
    return rows | ~rows.any(-1, keepdim=True)
