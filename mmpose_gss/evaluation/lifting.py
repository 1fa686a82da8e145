"""Errors of 3D poses and scores of lifted clips by the protocol of PoseMamba, MotionBERT and MPI-INF-3DHP.

Shapes: N frames, T frames of a clip, J joints. Positions and errors are in the unit of the input.
"""
from __future__ import annotations

from collections import defaultdict
from typing import Dict, List, Optional, Sequence

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger

from mmpose_gss.errors import UserError
from mmpose_gss.registry import METRICS

MM_PER_M = 1000
# 0, 5, …, 150 mm: the thresholds of MPI-INF-3DHP's AUC.
AUC_THRESHOLDS = np.linspace(0, 150, 31)
# What each score is called in the report.
FIGURES = {'mpjpe': 'MPJPE', 'p-mpjpe': 'P-MPJPE', 'mpjve': 'MPJVE', 'pck': 'PCK', 'auc': 'AUC'}


def joint_errors(pred: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Compute the distances of joints.

    Args:
        pred (ndarray): ``(N, J, 3)``.
        truth (ndarray): ``(N, J, 3)``.

    Returns:
        ndarray: ``(N, J)``.

    Raises:
        ValueError: If the shapes do not fit.
    """
    _check_shapes(pred, truth)
    return np.linalg.norm(pred - truth, axis=-1)


def procrustes(pred: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Move, turn (without mirroring) and scale each pose onto its truth, by least squares.

    Args:
        pred (ndarray): ``(N, J, 3)``.
        truth (ndarray): ``(N, J, 3)``.

    Returns:
        ndarray: The aligned poses, ``(N, J, 3)``. A pose whose joints coincide becomes the truth's centre.

    Raises:
        ValueError: If the shapes do not fit.
    """
    _check_shapes(pred, truth)
    pred, truth = np.asarray(pred, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    centre = truth.mean(axis=1, keepdims=True)
    x, y = pred - pred.mean(axis=1, keepdims=True), truth - centre
    u, s, vt = np.linalg.svd(np.swapaxes(x, 1, 2) @ y)
    sign = np.ones_like(s)
    sign[:, -1] = np.where(np.linalg.det(u) * np.linalg.det(vt) < 0, -1.0, 1.0)
    power = np.square(x).sum(axis=(1, 2))
    scale = np.divide((s * sign).sum(axis=1), power, out=np.zeros_like(power), where=power > 0)
    return scale[:, None, None] * (x @ (u * sign[:, None]) @ vt) + centre


def velocity_errors(pred: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Compute the distances between the frame differences of two motions.

    Args:
        pred (ndarray): ``(N, J, 3)``.
        truth (ndarray): ``(N, J, 3)``.

    Returns:
        ndarray: ``(N-1, J)``, per frame.

    Raises:
        ValueError: If the shapes do not fit.
    """
    _check_shapes(pred, truth)
    return np.linalg.norm(np.diff(pred, axis=0) - np.diff(truth, axis=0), axis=-1)


def pck(errors: np.ndarray, threshold: float) -> np.ndarray:
    """Compute the share of errors ``(N, J)`` below a threshold, per frame ``(N,)``, in percent."""
    return 100.0 * (np.asarray(errors) < threshold).mean(axis=-1)


def auc(errors: np.ndarray, thresholds: Sequence[float]) -> np.ndarray:
    """Take the mean of :func:`pck` over thresholds, per frame ``(N,)``, in percent."""
    return np.mean([pck(errors, threshold) for threshold in thresholds], axis=0)


def _check_shapes(pred: np.ndarray, truth: np.ndarray) -> None:
    if np.shape(pred) != np.shape(truth) or np.ndim(pred) != 3 or np.shape(pred)[-1] != 3:
        raise ValueError(f'both poses must be (N,J,3), got {np.shape(pred)} and {np.shape(truth)}')


@METRICS.register_module()
class PoseLiftingMetric(BaseMetric):
    """MPJPE, P-MPJPE, MPJVE, PCK and AUC of lifted clips, in mm and percent.

    Every frame is scored root-relative. A frame in several clips gets the mean of its scores; the frames of
    an action are averaged, then the actions. MMPose's ``MPJPE`` averages over frames at once and knows no
    overlaps, velocities, PCK or AUC; on one action without overlaps both agree.

    Args:
        scores (Sequence[str]): Of ``mpjpe``, ``p-mpjpe``, ``mpjve``, ``pck`` and ``auc``. Defaults to the
            first three.
        root_index (int): The joint that poses are relative to. Defaults to 0.
        skip_list (Sequence[str]): Sequences to leave out. Defaults to none.
        pck_threshold (float): Of PCK, in mm. Defaults to 150.
        auc_thresholds (Sequence[float], optional): Of AUC, in mm. Defaults to 0, 5, …, 150.
        collect_device (str): As in MMEngine. Defaults to ``'cpu'``.
        prefix (str, optional): Prefix of the names. Defaults to ``'lifting'``.

    Raises:
        UserError: If a score is unknown or none is named.
    """

    default_prefix: Optional[str] = 'lifting'

    def __init__(self,
                 scores: Sequence[str] = ('mpjpe', 'p-mpjpe', 'mpjve'),
                 root_index: int = 0,
                 skip_list: Sequence[str] = (),
                 pck_threshold: float = 150.0,
                 auc_thresholds: Optional[Sequence[float]] = None,
                 collect_device: str = 'cpu',
                 prefix: Optional[str] = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        unknown = [name for name in scores if name not in FIGURES]
        if unknown or not scores:
            raise UserError(f'scores must be some of {", ".join(FIGURES)}, got {list(scores)}')
        # Not `metrics`: MMEngine takes a config with that key for a whole evaluator.
        self.names = tuple(scores)
        self.root_index = root_index
        self.skip_list = frozenset(skip_list)
        self.pck_threshold = pck_threshold
        self.auc_thresholds = AUC_THRESHOLDS if auc_thresholds is None else np.asarray(auc_thresholds)

    def process(self, data_batch: Sequence[dict], data_samples: Sequence[dict]) -> None:
        """Score the frames of a batch of clips.

        Args:
            data_batch (Sequence[dict]): Not used.
            data_samples (Sequence[dict]): Data samples as dicts with ``pred_instances.keypoints``
                ``(T, J, 3)`` or ``(1, T, J, 3)`` and ``gt_instances.lifting_target`` ``(T, J, 3)`` in m,
                ``gt_instances.lifting_target_visible`` ``(T, J)``, ``frame_ids`` ``(T,)``, ``action`` and
                ``sequence``.

        Raises:
            UserError: If the samples lack what says which frame of which action they show.
        """
        for sample in data_samples:
            if 'frame_ids' not in sample or 'action' not in sample:
                raise UserError('PoseLiftingMetric needs frame_ids, action and sequence of each clip; add '
                                'them to meta_keys of PackPoseInputs')
            if sample.get('sequence') in self.skip_list:
                continue
            gt = sample['gt_instances']
            pred = np.asarray(sample['pred_instances']['keypoints'], dtype=np.float64) * MM_PER_M
            pred = pred[0] if pred.ndim == 4 else pred
            truth = np.asarray(gt['lifting_target'], dtype=np.float64) * MM_PER_M
            visible = np.asarray(gt['lifting_target_visible']).reshape(truth.shape[:2]) > 0
            frames = np.asarray(sample['frame_ids']).reshape(-1)
            self.results.append(dict(
                action=sample['action'], frames=frames, scores=self.score(pred, truth, visible, frames)))

    def score(self, pred: np.ndarray, truth: np.ndarray, visible: np.ndarray,
              frames: np.ndarray) -> Dict[str, np.ndarray]:
        """Score a clip.

        Args:
            pred (ndarray): In mm, ``(T, J, 3)``.
            truth (ndarray): In mm, ``(T, J, 3)``.
            visible (ndarray): Bool, ``(T, J)``; a frame counts if all its joints do.
            frames (ndarray): Frame numbers, ``(T,)``.

        Returns:
            dict[str, ndarray]: Per score ``(T,)``, NaN in frames that do not count.
        """
        root = slice(self.root_index, self.root_index + 1)
        pred, truth = pred - pred[:, root], truth - truth[:, root]
        errors = joint_errors(pred, truth)
        valid = visible.all(axis=1)
        scores = {}
        for name in self.names:
            if name == 'mpjpe':
                value = errors.mean(axis=1)
            elif name == 'p-mpjpe':
                value = joint_errors(procrustes(pred, truth), truth).mean(axis=1)
            elif name == 'pck':
                value = pck(errors, self.pck_threshold)
            elif name == 'auc':
                value = auc(errors, self.auc_thresholds)
            else:
                value = np.full(len(frames), np.nan)
                # A repeated frame of a stretched clip has no velocity.
                moved = (np.diff(frames) > 0) & valid[:-1]
                value[1:][moved] = velocity_errors(pred, truth).mean(axis=1)[moved]
            scores[name] = np.where(valid, value, np.nan)
        return scores

    def compute_metrics(self, results: List[dict]) -> Dict[str, float]:
        """Average over overlaps, frames and actions.

        Args:
            results (list[dict]): What ``process`` kept, of all processes.

        Returns:
            dict[str, float]: By name ``MPJPE``, …, and by action ``MPJPE_Walking``, ….

        Raises:
            UserError: If no clip was scored.
        """
        if not results:
            raise UserError('no clip was scored: the data set is empty or skip_list leaves nothing')
        by_action: Dict[str, List[dict]] = defaultdict(list)
        for result in results:
            by_action[result['action']].append(result)
        metrics: Dict[str, float] = {}
        for name in self.names:
            values = {action: _frame_mean(by_action[action], name) for action in sorted(by_action)}
            scored = [value for value in values.values() if np.isfinite(value)]
            metrics[FIGURES[name]] = float(np.mean(scored)) if scored else float('nan')
            metrics.update({f'{FIGURES[name]}_{action}': value for action, value in values.items()})
        MMLogger.get_current_instance().info(
            ', '.join(f'{FIGURES[name]} {metrics[FIGURES[name]]:.2f}' for name in self.names))
        return metrics


def _frame_mean(clips: Sequence[dict], name: str) -> float:
    """Average over the frames of one action, each frame being the mean over the clips that show it."""
    frames = np.concatenate([clip['frames'] for clip in clips])
    scores = np.concatenate([clip['scores'][name] for clip in clips])
    scored = np.isfinite(scores)
    if not scored.any():
        return float('nan')
    _, inverse, count = np.unique(frames[scored], return_inverse=True, return_counts=True)
    return float((np.bincount(inverse, weights=scores[scored]) / count).mean())
