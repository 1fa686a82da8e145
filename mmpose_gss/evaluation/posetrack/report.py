"""The figures of PoseTrack for one set of videos, in the groups of joints people report.

Shapes: 15 joints in the order of ``POSETRACK17_JOINTS``.
"""
from __future__ import annotations

from typing import Dict, List, Optional, Sequence

import numpy as np

from mmpose_gss.evaluation.posetrack.ap import APResult, posetrack_ap
from mmpose_gss.evaluation.posetrack.frames import (
    PersonPairs,
    PoseTrackFrames,
    evaluated_frames,
    pair_people,
)
from mmpose_gss.evaluation.posetrack.jitter import posetrack_jitter
from mmpose_gss.evaluation.posetrack.joints import JOINT_GROUPS, group_joints
from mmpose_gss.evaluation.posetrack.mot import (
    MOTCounts,
    count_events,
    follow_joints,
    mot_figures,
    mot_obstacle,
)
from mmpose_gss.evaluation.posetrack.pairing import load_directories, pair_frames
from mmpose_gss.structures.posetrack_format import load_video
from mmpose_gss.structures.skeletons import POSETRACK17_JOINTS


def load_frames(gt_dir: str, pred_dir: str, fill_missing: bool = False) -> PoseTrackFrames:
    """Read two folders with one JSON file per video, paired by file name.

    Args:
        gt_dir: ground truth, PoseTrack17 or PoseTrack18/21.
        pred_dir: predictions.
        fill_missing: frames that a prediction lacks count as frames without people.

    Raises:
        UserError: If a file cannot be evaluated.
    """
    videos = []
    for gt_path, pred_path in load_directories(gt_dir, pred_dir).values():
        gt = load_video(gt_path, ground_truth=True)
        videos.append((gt, pair_frames(gt, load_video(pred_path, ground_truth=False), fill_missing)))
    return evaluated_frames(videos)


def posetrack_figures(frames: PoseTrackFrames, metrics: Sequence[str] = ('AP', 'MOTA'),
                      poseval_compat: bool = True) -> dict:
    """Compute all figures of a set of videos.

    Args:
        frames: evaluated frames.
        metrics: ``'AP'`` and, for those with track ids, ``'MOTA'``.
        poseval_compat: the public evaluator's quirks (see ``posetrack_mot``); with them the corrected
            figures stand under ``corrected``.

    Returns:
        dict: groups of joints (``Head`` ... ``Ankl``, ``mean``) of ``AP``, ``precision``, ``recall``,
        ``MOTA``, ``MOTP``, ``MOT_precision``, ``MOT_recall`` in percent, ``jitter`` in head sizes per
        frame²; ``switches``, ``misses``, ``false_positives``, ``objects`` summed over joints;
        ``per_joint``: the same for each joint; ``notes``: sentences about what is odd. NaN where undefined;
        the tracking figures are None where they cannot be computed, and a note says why.

    Raises:
        ValueError: If a metric is unknown or none is named.
    """
    unknown = set(metrics) - {'AP', 'MOTA'}
    if unknown or not metrics:
        raise ValueError(f'metrics={tuple(metrics)!r}: name "AP", "MOTA" or both.')
    notes: List[str] = list(frames.notes)
    if not frames.num_frames:
        notes.append('No frame has annotated people, so the figures are void: AP 0 as in the public '
                     'evaluator.')
    pairs = pair_people(frames)
    figures = {'frames': frames.num_frames, 'videos': len(frames.names),
               'per_joint': {'names': ['neck' if n == 'head_bottom' else n for n in POSETRACK17_JOINTS]},
               'notes': notes}
    if 'AP' in metrics:
        _add_ap(figures, posetrack_ap(frames, pairs), poseval_compat)
    if 'MOTA' in metrics:
        _add_mot(figures, frames, pairs, poseval_compat)
    if frames.gt.tracked.any() or frames.pred.tracked.any():
        jitter = posetrack_jitter(frames, pairs)
        figures['jitter'] = group_joints(jitter.error, skip_nan=True)
        figures['jitter_px'] = group_joints(jitter.error_px, skip_nan=True)
        figures['per_joint'].update(jitter=jitter.error, jitter_px=jitter.error_px)
    return figures


def _add_ap(figures: dict, ap: APResult, poseval_compat: bool) -> None:
    values = {'AP': ap.ap, 'precision': ap.precision, 'recall': ap.recall}
    for name, value in values.items():
        figures[name] = group_joints(value, skip_nan=not poseval_compat)
    figures['per_joint'].update(values, num_gt=ap.num_gt, num_pred=ap.num_pred, num_tp=ap.num_tp)


def _add_mot(figures: dict, frames: PoseTrackFrames, pairs: PersonPairs, poseval_compat: bool) -> None:
    """Add tracking figures, None with a note that says why where they cannot be computed."""
    reasons = mot_obstacle(frames, poseval_compat)
    if reasons:
        figures['notes'].append('No MOTA: ' + ' '.join(reasons))
    possible = not mot_obstacle(frames, poseval_compat=False)
    events = follow_joints(frames, pairs) if possible else None
    _add_counts(figures, None if reasons else count_events(frames, events, poseval_compat), poseval_compat)
    if poseval_compat:
        figures['corrected'] = {'per_joint': {}}
        _add_counts(figures['corrected'], count_events(frames, events, False) if possible else None, False)


def _add_counts(figures: dict, counts: Optional[MOTCounts], poseval_compat: bool) -> None:
    rates = ('MOTA', 'MOTP', 'MOT_precision', 'MOT_recall')
    sums = ('switches', 'misses', 'false_positives', 'objects')
    if counts is None:
        figures.update(dict.fromkeys(rates + sums))
        figures['per_joint'].update(dict.fromkeys(rates + sums))
        return
    result = mot_figures(counts, poseval_compat)
    for name, value in zip(rates, (result.mota, result.motp, result.precision, result.recall)):
        figures[name] = group_joints(value, skip_nan=not poseval_compat)
        figures['per_joint'][name] = value
    total = counts.total()
    for name in sums:
        value = getattr(total, name)[0]
        figures[name] = int(value.sum())
        figures['per_joint'][name] = value


def per_video_figures(frames: PoseTrackFrames, metrics: Sequence[str] = ('AP', 'MOTA'),
                      poseval_compat: bool = True) -> Dict[str, dict]:
    """Compute the figures of each video that has annotated frames for itself, by its name."""
    return {
        frames.names[number]: posetrack_figures(frames.select(number), metrics, poseval_compat)
        for number in np.unique(frames.sequence)
    }


def format_table(figures: dict) -> str:
    """Write the rows that the public evaluator prints, for reading: one line for each figure."""
    columns = (*JOINT_GROUPS, 'mean')
    rows = ('AP', 'precision', 'recall', 'MOTA', 'MOTP', 'MOT_precision', 'MOT_recall', 'jitter')
    lines = [' ' * 14 + ''.join(f'{column:>8}' for column in columns)]
    for row in rows:
        if row in figures:
            values = figures[row]
            digits = 3 if row == 'jitter' else 1
            cells = (float('nan') if values is None else values[column] for column in columns)
            lines.append(f'{row:14}' + ''.join(f'{"-" if np.isnan(c) else format(c, f".{digits}f"):>8}'
                                               for c in cells))
    return '\n'.join(lines)


def flat_figures(figures: dict) -> Dict[str, float]:
    """Name single figures as the Runner's log has them: ``AP``, ``AP_Head``, … , ``MOTA``, ``jitter``.

    Args:
        figures: of ``posetrack_figures``.

    Returns:
        dict[str, float]: the figures, NaN where they cannot be computed.
    """
    flat: Dict[str, float] = {}
    for name in ('AP', 'MOTA'):
        if name in figures:
            groups = figures[name] or dict.fromkeys(('mean', *JOINT_GROUPS), float('nan'))
            flat[name] = groups['mean']
            flat.update({f'{name}_{group}': value for group, value in groups.items() if group != 'mean'})
    for name in ('precision', 'recall', 'MOTP', 'jitter'):
        if name in figures:
            flat[name] = figures[name]['mean'] if figures[name] else float('nan')
    if 'switches' in figures:
        flat['switches'] = float('nan') if figures['switches'] is None else float(figures['switches'])
    for name in ('MOTA', 'MOTP'):
        if 'corrected' in figures:
            groups = figures['corrected'][name]
            flat[f'{name}_corrected'] = groups['mean'] if groups else float('nan')
    return flat
