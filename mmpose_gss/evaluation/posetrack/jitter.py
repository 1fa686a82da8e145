"""Jitter: how much more (or less) a predicted joint accelerates than the true one.

No PoseTrack tool reports it, though smoothness is what a viewer of a video sees. The figure is the
acceleration error of 3D human motion papers (e.g. Kanazawa et al., Learning 3D Human Dynamics from Video,
CVPR 2019) on 2D joints: ``|a_pred(t) - a_gt(t)|`` with ``a(t) = x(t-1) - 2 x(t) + x(t+1)``, in px/frame²,
divided by the head size of the person, so that people near and far count alike.

Shapes: F frames, G ground-truth people, P predicted people, 15 joints.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

import numpy as np

from mmpose_gss.evaluation.posetrack.ap import match_people
from mmpose_gss.evaluation.posetrack.frames import PersonPairs, PoseTrackFrames, pair_people


@dataclass
class JitterResult:
    """Mean acceleration error per joint, NaN for a joint that was never followed over three frames.

    Attributes:
        error: head sizes per frame², ``(15,)``.
        error_px: px/frame², ``(15,)``.
        count: triples of frames it is the mean of, ``(15,)`` int64.
    """
    error: np.ndarray
    error_px: np.ndarray
    count: np.ndarray


def posetrack_jitter(frames: PoseTrackFrames, pairs: Optional[PersonPairs] = None) -> JitterResult:
    """Compute the acceleration error of the predictions assigned to each ground-truth person.

    A person is followed by the ground truth's track id, or by that of the prediction where the ground truth
    has none. A joint counts at frame t if person, prediction and joint are there at t-1, t and t+1.

    Args:
        frames: evaluated frames of all videos.
        pairs: their pairs of people, if already there.

    Returns:
        JitterResult: all NaN where neither side has track ids.
    """
    pairs = pair_people(frames) if pairs is None else pairs
    taken = match_people(frames, pairs)
    gt, pred = pairs.gt[taken], pairs.pred[taken]
    frame = frames.gt.frame[gt]
    tracked = frames.gt.tracked[gt]
    identity = np.where(tracked, frames.gt.track[gt], frames.pred.track[pred])
    followed = tracked | frames.pred.tracked[pred]
    table = np.stack([frames.sequence[frame], tracked, identity, frames.number[frame]], axis=1)[followed]
    gt, pred = gt[followed], pred[followed]
    order = np.lexsort(table.T[::-1])
    table, gt, pred = table[order], gt[order], pred[order]

    step = np.diff(table, axis=0)
    follows = (step == (0, 0, 0, 1)).all(axis=1)
    middle = np.flatnonzero(follows[:-1] & follows[1:]) + 1
    both = frames.gt.valid[gt] & frames.pred.valid[pred]
    counts = both[middle - 1] & both[middle] & both[middle + 1]
    # The difference of accelerations is the acceleration of the difference.
    offset = frames.pred.xy[pred] - frames.gt.xy[gt]
    acceleration = offset[middle - 1] - 2 * offset[middle] + offset[middle + 1]
    error_px = np.where(counts, np.sqrt((acceleration**2).sum(axis=-1)), 0.0)
    with np.errstate(divide='ignore', invalid='ignore'):
        error = np.where(counts, error_px / frames.gt.head[gt[middle], None], 0.0)
        count = counts.sum(axis=0)
        return JitterResult(error.sum(axis=0) / count, error_px.sum(axis=0) / count, count)
