"""Boxes of people and of heads.

Shapes: N boxes, x, y, width, height in pixels unless corners are named; K joints.
"""
from __future__ import annotations

import math
from typing import Any, Optional, Tuple

import numpy as np

from mmpose_gss.structures.skeletons import HEAD_SIZE_FACTOR

# PoseTrack's own boxes are the extent of the joints, larger by 15 % on each side.
KEYPOINT_BOX_MARGIN = 0.15


def is_box(box: Any) -> bool:
    """Tell whether a value from a file is a box: four finite numbers."""
    return isinstance(box, (list, tuple)) and len(box) == 4 and all(
        isinstance(value, (int, float)) and math.isfinite(value) for value in box)


def head_sizes(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Give head sizes from the corners of the head boxes (poseval/eval_helpers.py, getHeadSize).

    Args:
        low (ndarray): x1, y1, ``(N, 2)``.
        high (ndarray): x2, y2, ``(N, 2)``.

    Returns:
        ndarray: Pixels, ``(N,)``.
    """
    side = high - low
    return HEAD_SIZE_FACTOR * np.sqrt((side * side).sum(axis=-1))


def box_from_joints(joints: np.ndarray, visible: np.ndarray) -> Optional[np.ndarray]:
    """Give PoseTrack's box of a person: the extent of the joints, larger by 15 % on each side.

    Args:
        joints (ndarray): Pixels, ``(K, 2)``.
        visible (ndarray): Above 0 where the joint is annotated, ``(K,)``.

    Returns:
        ndarray | None: x, y, width, height; None if the joints span no area.
    """
    points = joints[visible > 0]
    if len(points) < 2:
        return None
    low, high = points.min(axis=0), points.max(axis=0)
    size = high - low
    if (size <= 0).any():
        return None
    return np.concatenate([low - KEYPOINT_BOX_MARGIN * size, (1 + 2 * KEYPOINT_BOX_MARGIN) * size])


def clip_boxes(boxes: np.ndarray, sizes: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Clip boxes to their images.

    Args:
        boxes (ndarray): ``(N, 4)``.
        sizes (ndarray): Width and height of each image, infinite if unknown, ``(N, 2)``.

    Returns:
        tuple: Corners x1, y1, x2, y2 as ``(N, 4)`` float32, and whether any of the box is in the image,
        ``(N,)``.
    """
    low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    # Only known sizes have a left and upper border as well.
    floor = np.where(np.isfinite(sizes), 0, -np.inf)
    low, high = (np.minimum(np.maximum(corner, floor), sizes - 1) for corner in (low, high))
    corners = np.concatenate([low, high], axis=1).astype(np.float32)
    return corners, (corners[:, 2:] > corners[:, :2]).all(axis=1)
