"""PoseTrack's average precision per joint, batched over joints, people and frames.

The rules are those of the public evaluator (poseval/eval_helpers.py, assignGTmulti, computeRPC, VOCap, and
evaluateAP.py): a prediction keeps only the ground-truth person with which it shares the largest part of
that person's joints (PCK), each ground-truth person takes the best prediction that kept it, the first in
file order at a tie. Scores rank joints in the precision-recall curve only.

Shapes: G ground-truth people, P predicted people, N pairs, 15 joints.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

import numpy as np

from mmpose_gss.evaluation.posetrack.frames import PersonPairs, PoseTrackFrames, pair_people


@dataclass
class APResult:
    """Figures per joint, ``(15,)`` each, in percent, NaN where undefined.

    Attributes:
        ap: area under the precision envelope.
        precision: of all predicted joints, whatever their score.
        recall: likewise.
        num_gt: annotated joints.
        num_pred: predicted joints.
        num_tp: predicted joints that are right.
        curve_precision: precision after each prediction by falling score, NaN past the last, ``(15, P)``.
        curve_recall: likewise.
    """
    ap: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    num_gt: np.ndarray
    num_pred: np.ndarray
    num_tp: np.ndarray
    curve_precision: np.ndarray
    curve_recall: np.ndarray


def posetrack_ap(frames: PoseTrackFrames, pairs: Optional[PersonPairs] = None) -> APResult:
    """Compute the average precision of every joint.

    Args:
        frames: evaluated frames of all videos (``evaluated_frames``).
        pairs: their pairs of people, if already there.

    Returns:
        APResult: AP is NaN for a joint that is predicted but annotated nowhere, and 0 for one that is
        predicted nowhere, even if it is not annotated either.
    """
    pairs = pair_people(frames) if pairs is None else pairs
    right = assign_people(frames, pairs)
    predicted = frames.pred.valid
    order = _rank(frames.pred.score, predicted, right)
    right_ranked = np.take_along_axis(right.T, order, axis=1)                  # (15, P)
    predicted_ranked = np.take_along_axis(predicted.T, order, axis=1)
    num_gt = frames.gt.valid.sum(axis=0)
    num_pred = predicted.sum(axis=0)
    hits = np.cumsum(right_ranked, axis=1)
    num_tp = right.sum(axis=0)

    with np.errstate(divide='ignore', invalid='ignore'):
        recall = hits / num_gt[:, None].astype(np.float64)
        precision = np.where(predicted_ranked, hits / np.arange(1, hits.shape[1] + 1), 0.0)
        envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        # Recall grows by 1 / num_gt with each hit; dividing last keeps a perfect result at 100 exactly.
        ap = (right_ranked * envelope).sum(axis=1) / num_gt * 100
        final_precision = np.where(num_pred > 0, num_tp / num_pred.astype(np.float64), 0.0) * 100
        final_recall = np.where(num_pred > 0, num_tp / num_gt.astype(np.float64), 0.0) * 100
    ap = np.where(num_pred == 0, 0.0, np.where(num_gt == 0, np.nan, ap))
    return APResult(
        ap, final_precision, final_recall, num_gt, num_pred, num_tp,
        np.where(predicted_ranked, precision, np.nan), np.where(predicted_ranked, recall, np.nan))


def assign_people(frames: PoseTrackFrames, pairs: PersonPairs) -> np.ndarray:
    """Tell which predicted joints are right, after every ground-truth person has taken one prediction.

    Returns:
        ndarray: ``(P, 15)`` bool.
    """
    right = np.zeros(frames.pred.valid.shape, dtype=bool)
    taken = match_people(frames, pairs)
    right[pairs.pred[taken]] = pairs.match[taken]
    return right


def match_people(frames: PoseTrackFrames, pairs: PersonPairs) -> np.ndarray:
    """Choose the pairs of a ground-truth person and the prediction it takes: indices into ``pairs``."""
    if not len(pairs.pred):
        return np.zeros(0, dtype=np.int64)
    num_joints = frames.gt.valid.sum(axis=1)
    pck = pairs.match.sum(axis=1) / np.maximum(num_joints, 1)[pairs.gt]        # (N,)
    # Each prediction keeps its best ground truth: pairs lie in runs by prediction.
    start = np.flatnonzero(np.diff(pairs.pred, prepend=-1))
    best = np.maximum.reduceat(pck, start)
    length = np.diff(start, append=len(pck))
    is_best = np.flatnonzero(pck == np.repeat(best, length))
    keeps = is_best[np.unique(pairs.pred[is_best], return_index=True)[1]]      # the first of each run
    keeps = keeps[pck[keeps] > 0]
    # Each ground truth takes the best of those that kept it, the first of them at a tie.
    ranked = keeps[np.lexsort((pairs.pred[keeps], -pck[keeps], pairs.gt[keeps]))]
    return ranked[np.unique(pairs.gt[ranked], return_index=True)[1]]


def _rank(score: np.ndarray, predicted: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Order the predictions of each joint by falling score, absent ones last: ``(15, P)`` int64.

    Joints of equal score make AP depend on the sort. Where it matters, their order is that of the
    reference: NumPy's default sort of the joint's own list, reversed.
    """
    key = np.where(predicted, score, -np.inf).T
    order = np.argsort(key, axis=1, kind='stable')[:, ::-1]
    ranked = np.take_along_axis(key, order, axis=1)
    hits = np.take_along_axis(right.T, order, axis=1)
    tied = (ranked[:, 1:] == ranked[:, :-1]) & np.isfinite(ranked[:, 1:]) & (hits[:, 1:] != hits[:, :-1])
    for joint in np.flatnonzero(tied.any(axis=1)):
        own = np.flatnonzero(predicted[:, joint])
        order[joint, :len(own)] = own[np.argsort(score[own, joint])[::-1]]
    return order
