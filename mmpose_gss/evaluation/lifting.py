"""Errors of 3D poses and scores of lifted clips by the protocol of PoseMamba, MotionBERT and MPI-INF-3DHP.

Shapes: N frames, T frames of a clip, J joints. Positions and errors are in the unit of the input.
"""
from collections import defaultdict

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger

from mmpose_gss.registry import METRICS


def joint_errors(pred, truth):
    """Distances of joints ``(N,J)`` between poses ``(N,J,3)``."""
    _same(pred, truth)
    return np.linalg.norm(pred - truth, axis=-1)


def procrustes(pred, truth):
    """Moves, turns (without mirroring) and scales each pose onto its truth, by least squares.

    Args:
        pred (ndarray): ``(N,J,3)``.
        truth (ndarray): ``(N,J,3)``.

    Returns:
        ndarray: ``(N,J,3)``, the aligned poses. A pose whose joints coincide becomes the truth's centre.
    """
    _same(pred, truth)
    pred, truth = np.asarray(pred, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    centre = truth.mean(axis=1, keepdims=True)
    x, y = pred - pred.mean(axis=1, keepdims=True), truth - centre
    u, s, vt = np.linalg.svd(np.swapaxes(x, 1, 2) @ y)
    sign = np.ones_like(s)
    sign[:, -1] = np.where(np.linalg.det(u) * np.linalg.det(vt) < 0, -1.0, 1.0)
    power = np.square(x).sum(axis=(1, 2))
    scale = np.divide((s * sign).sum(axis=1), power, out=np.zeros_like(power), where=power > 0)
    return scale[:, None, None] * (x @ (u * sign[:, None]) @ vt) + centre


def velocity_errors(pred, truth):
    """Distances ``(N-1,J)`` between the frame differences of two motions ``(N,J,3)``."""
    _same(pred, truth)
    return np.linalg.norm(np.diff(pred, axis=0) - np.diff(truth, axis=0), axis=-1)


def pck(errors, threshold):
    """Share of errors ``(N,J)`` below a threshold, per frame ``(N,)``, in percent."""
    return 100.0 * (np.asarray(errors) < threshold).mean(axis=-1)


def auc(errors, thresholds):
    """Mean of :func:`pck` over thresholds, per frame ``(N,)``, in percent."""
    return np.mean([pck(errors, threshold) for threshold in thresholds], axis=0)


def _same(pred, truth):
    if np.shape(pred) != np.shape(truth) or np.ndim(pred) != 3 or np.shape(pred)[-1] != 3:
        raise ValueError(f'both poses must be (N,J,3), got {np.shape(pred)} and {np.shape(truth)}')


#: The sequences of Human3.6M that the protocol leaves out, as MotionBERT's pickle names them.
H36M_SKIPPED = ('s_09_act_05_subact_02', 's_09_act_10_subact_02', 's_09_act_13_subact_01')


@METRICS.register_module()
class PoseLiftingMetric(BaseMetric):
    """MPJPE, P-MPJPE, MPJVE, PCK and AUC of lifted clips, in mm and percent.

    Every frame is scored root-relative. A frame in several clips gets the mean of its scores; the frames of
    an action are averaged, then the actions. MMPose's ``MPJPE`` averages over frames at once and knows no
    overlaps, velocities, PCK or AUC; on one action without overlaps both agree.

    Samples need ``pred_instances.keypoints`` ``(T,J,3)`` and ``gt_instances.lifting_target`` in m,
    ``lifting_target_visible`` ``(T,J)``, and the metainfo ``frame_ids``, ``action`` and ``sequence``.

    Args:
        scores (Sequence[str]): Of ``mpjpe``, ``p-mpjpe``, ``mpjve``, ``pck`` and ``auc``.
        root_index (int): The joint that poses are relative to.
        skip_list (Sequence[str]): Sequences to leave out.
        pck_threshold (float): Of PCK, in mm.
        auc_thresholds (Sequence[float], optional): Of AUC, in mm; ``None`` is 0, 5, …, 150.
        collect_device (str): MMEngine's.
        prefix (str, optional): MMEngine's.
    """

    default_prefix = 'lifting'
    NAMES = {'mpjpe': 'MPJPE', 'p-mpjpe': 'P-MPJPE', 'mpjve': 'MPJVE', 'pck': 'PCK', 'auc': 'AUC'}

    def __init__(self, scores=('mpjpe', 'p-mpjpe', 'mpjve'), root_index=0, skip_list=(), pck_threshold=150.0,
                 auc_thresholds=None, collect_device='cpu', prefix=None):
        super().__init__(collect_device=collect_device, prefix=prefix)
        unknown = [name for name in scores if name not in self.NAMES]
        if unknown or not scores:
            raise ValueError(f'scores must be some of {", ".join(self.NAMES)}, got {list(scores)}')
        # Not `metrics`: MMEngine takes a config with that key for a whole evaluator.
        self.names = tuple(scores)
        self.root_index = root_index
        self.skip_list = frozenset(skip_list)
        self.pck_threshold = pck_threshold
        self.auc_thresholds = (np.linspace(0, 150, 31) if auc_thresholds is None
                               else np.asarray(auc_thresholds))

    def process(self, data_batch, data_samples):
        """Scores the frames of a batch of clips."""
        for sample in data_samples:
            if 'frame_ids' not in sample or 'action' not in sample:
                raise ValueError(
                    'PoseLiftingMetric needs frame_ids, action and sequence of each clip; add them to '
                    'meta_keys of PackPoseInputs')
            if sample.get('sequence') in self.skip_list:
                continue
            pred = np.asarray(sample['pred_instances']['keypoints'], dtype=np.float64) * 1000
            truth = np.asarray(sample['gt_instances']['lifting_target'], dtype=np.float64) * 1000
            pred = pred[0] if pred.ndim == 4 else pred
            visible = np.asarray(sample['gt_instances']['lifting_target_visible'])
            visible = visible.reshape(truth.shape[:2]) > 0
            frames = np.asarray(sample['frame_ids']).reshape(-1)
            self.results.append(dict(
                action=sample['action'], frames=frames, scores=self.score(pred, truth, visible, frames)))

    def score(self, pred, truth, visible, frames):
        """Scores of a clip.

        Args:
            pred (ndarray): ``(T,J,3)`` in mm.
            truth (ndarray): ``(T,J,3)`` in mm.
            visible (ndarray): ``(T,J)`` bool; a frame counts if all its joints do.
            frames (ndarray): ``(T,)`` frame numbers.

        Returns:
            dict[str, ndarray]: Per metric ``(T,)``, NaN in frames that do not count.
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

    def compute_metrics(self, results):
        """Averages over overlaps, frames and actions.

        Args:
            results (list[dict]): Of :meth:`process`, of all ranks.

        Returns:
            dict[str, float]: By name ``MPJPE``, …, and by action ``MPJPE_Walking``, ….
        """
        if not results:
            raise ValueError('no clip was scored: the data set is empty or skip_list leaves nothing')
        metrics = {}
        for name in self.names:
            by_action = {action: self._mean(clips, name)
                         for action, clips in self._by_action(results).items()}
            scored = [value for value in by_action.values() if np.isfinite(value)]
            metrics[self.NAMES[name]] = float(np.mean(scored)) if scored else float('nan')
            metrics.update({f'{self.NAMES[name]}_{action}': value for action, value in by_action.items()})
        MMLogger.get_current_instance().info(
            ', '.join(f'{self.NAMES[name]} {metrics[self.NAMES[name]]:.2f}' for name in self.names))
        return metrics

    @staticmethod
    def _by_action(results):
        groups = defaultdict(list)
        for result in results:
            groups[result['action']].append(result)
        return dict(sorted(groups.items()))

    @staticmethod
    def _mean(clips, name):
        """Mean over the frames of one action, each frame being the mean over the clips that show it."""
        frames = np.concatenate([clip['frames'] for clip in clips])
        scores = np.concatenate([clip['scores'][name] for clip in clips])
        frames, scores = frames[np.isfinite(scores)], scores[np.isfinite(scores)]
        if not len(frames):
            return float('nan')
        _, inverse, count = np.unique(frames, return_inverse=True, return_counts=True)
        return float((np.bincount(inverse, weights=scores) / count).mean())
