"""PCK of Sub-JHMDB: the part of joints that are found, by the size of the person's box or torso.

The rules and the float32 rounding are those of MMPose's ``JhmdbPCKAccuracy``
(mmpose/evaluation/metrics/keypoint_2d_metrics.py), so that figures are the same to the last digit.

Shape legend: N people, K = 15 joints.
"""
from typing import Dict, Sequence

import numpy as np

# Joints of JHMDB by group: neck and belly are in the mean only.
JHMDB_GROUPS = {
    'Head': (2, ),
    'Sho': (3, 4),
    'Elb': (7, 8),
    'Wri': (11, 12),
    'Hip': (5, 6),
    'Knee': (9, 10),
    'Ank': (13, 14),
}
NUM_JHMDB_JOINTS = 15
LEFT_SHOULDER, RIGHT_HIP = 4, 5


def box_sizes(boxes: np.ndarray) -> np.ndarray:
    """Longer side of boxes (N, 4) x1, y1, x2, y2: (N,)."""
    return (boxes[:, 2:] - boxes[:, :2]).max(axis=1)


def torso_sizes(gt: np.ndarray, pred: np.ndarray) -> np.ndarray:
    """Distance from left shoulder to right hip, (N,); the predicted one where the true one is under 1 px."""
    def size(joints):
        return np.linalg.norm(joints[:, LEFT_SHOULDER] - joints[:, RIGHT_HIP], axis=-1)

    true = size(gt)
    return np.where(true < 1, size(pred), true)


def joint_pck(pred: np.ndarray, gt: np.ndarray, visible: np.ndarray, size: np.ndarray,
              thr: float) -> np.ndarray:
    """Part of each joint's occurrences nearer than ``thr`` sizes.

    Args:
        pred: (N, K, 2) pixels.
        gt: (N, K, 2) pixels.
        visible: (N, K) bool, annotated joints; others do not count.
        size: (N,) pixels; people without size do not count.
        thr: limit, itself not included.

    Returns:
        np.ndarray: (K,) float64 in [0, 1]; NaN for a joint that never counts.
    """
    counts = visible & (size != 0)[:, None]
    unit = np.where(size > 0, size, 1e6)[:, None, None]
    gap = np.linalg.norm((pred - gt) / unit, axis=-1).astype(np.float32)
    found = (counts & (gap < thr)).sum(axis=0)
    total = counts.sum(axis=0)
    return np.where(total > 0, found / np.maximum(total, 1), np.nan)


def pck_groups(per_joint: np.ndarray, name: str) -> Dict[str, float]:
    """Means of the joint groups (``'Head PCK'`` ...) and of all joints (``'PCK'``), as MMPose names them."""
    groups = {f'{group} {name}': _mean(per_joint[list(joints)]) for group, joints in JHMDB_GROUPS.items()}
    groups[name] = _mean(per_joint)
    return groups


def mean_of_splits(splits: Sequence[Dict[str, float]]) -> Dict[str, float]:
    """Mean of each figure over the splits, all of which must have it."""
    return {name: float(np.mean([split[name] for split in splits])) for name in splits[0]}


def _mean(values: np.ndarray) -> float:
    values = values[~np.isnan(values)]
    return float(values.mean()) if values.size else float('nan')
