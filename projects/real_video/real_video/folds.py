"""One fold of one seed: encoder, systems, errors on speakers that nothing has seen.

Shapes: N windows, K points.
"""
from __future__ import annotations

import time
from typing import Any, Dict, List, Sequence

import numpy as np
import torch
from mmpose.registry import KEYPOINT_CODECS
from torch import Tensor

from mmpose_gss.errors import UserError
from mmpose_gss.structures.folds import group_folds

from .encoder import encode, train_encoder
from .settings import Settings
from .systems import Row, System, heatmaps_of, train_system
from .windows import Source, Windows

MEAN_POSE = 'mean-pose'


def parts_of(source: Source, folds: int, fold: int, seed: int) -> Dict[str, List[int]]:
    """Labelled frames of the encoder, of the necks and held out, by speakers dealt at random.

    Raises:
        UserError: If there are too few speakers for three parts.
    """
    held = group_folds(source.groups, folds, seed)[fold]
    others = sorted(set(source.groups) - held)
    if len(others) < 2:
        raise UserError(f'{len(others)} speaker is left to train on, but encoder and necks need different '
                        'ones; label more videos')
    order = np.random.default_rng([seed, fold]).permutation(len(others))
    first = min(len(others) - 1, max(1, round(source.settings.encoder_share * len(others))))
    return dict(encoder=source.rows([others[i] for i in order[:first]]),
                neck=source.rows([others[i] for i in order[first:]]), test=source.rows(sorted(held)))


def run_fold(source: Source, rows: Dict[str, Row], folds: int, fold: int, seed: int) -> Dict[str, Any]:
    """Train everything once.

    Returns:
        dict: ``groups`` (N names), ``scale`` (N pixels), and ``systems``: by name ``errors`` ``(N,K)`` in
        pixels (None where not labelled), and for more than one frame ``change`` (of the heatmaps, when all
        frames are the key frame) and ``still`` (errors then).
    """
    settings = source.settings
    parts = parts_of(source, folds, fold, seed)
    # The same number of crops for the encoder as for the necks, so that neither sees more of its speakers.
    learned = source.cut(parts['encoder'], max(1, 2 * settings.copies), seed)
    encoder, head = train_encoder(learned, settings, seed)
    train, test = source.cut(parts['neck'], settings.copies, seed + 1), source.cut(parts['test'])
    train_feats, test_feats = encode(encoder, train), encode(encoder, test)
    results: Dict[str, Any] = {MEAN_POSE: dict(errors=listed(mean_pose_errors(source, parts, test)))}
    for name, row in rows.items():
        start = time.process_time()
        system = train_system(row, head, train_feats, train, settings, seed)
        seconds = time.process_time() - start
        results[name] = dict(seconds=round(seconds, 1), **evaluate(system, test_feats, test, settings))
    return dict(seed=seed, fold=fold, groups=[source.groups[i] for i in parts['test']],
                scale=scale_of(source, test).tolist(), systems=results)


def evaluate(system: System, feats: Tensor, test: Windows, settings: Settings) -> Dict[str, Any]:
    """Errors of a system, and what its support frames do."""
    heatmaps = heatmaps_of(system, feats)
    result: Dict[str, Any] = dict(errors=listed(errors_of(heatmaps, test, settings)))
    if system.frames > 1:
        middle = feats.shape[1] // 2
        still = heatmaps_of(system, feats[:, middle:middle + 1].expand_as(feats))
        result['change'] = float((still - heatmaps).norm() / heatmaps.norm().clamp_min(1e-12))
        result['still'] = listed(errors_of(still, test, settings))
    return result


def errors_of(heatmaps: Tensor, test: Windows, settings: Settings) -> np.ndarray:
    """Distances ``(N,K)`` to the labels, pixels of the video; NaN where not labelled."""
    codec = KEYPOINT_CODECS.build(settings.codec)
    crop = np.concatenate([codec.decode(maps)[0] for maps in heatmaps.numpy()])
    found = crop * test.to_video[:, :1] + test.to_video[:, 1:]
    return np.linalg.norm(found - test.points, axis=-1)


def mean_pose_errors(source: Source, parts: Dict[str, List[int]], test: Windows) -> np.ndarray:
    """Errors of the mean of all training labels: what knowing nothing of the picture gives."""
    plain = source.datasets[False]
    labels = np.stack([np.where(info['keypoints_visible'][0][:, None] > 0, info['keypoints'][0], np.nan)
                       for info in (plain.get_data_info(i) for i in parts['encoder'] + parts['neck'])])
    return np.linalg.norm(np.nanmean(labels, axis=0) - test.points, axis=-1)


def scale_of(source: Source, test: Windows) -> np.ndarray:
    """The unit of errors of every window, pixels: the distance of two points, or the extent of all."""
    if source.scale is not None:
        a, b = source.scale
        return np.linalg.norm(test.points[:, a] - test.points[:, b], axis=-1)
    return np.linalg.norm(np.nanmax(test.points, axis=1) - np.nanmin(test.points, axis=1), axis=-1)


def listed(values: np.ndarray) -> List[List[Any]]:
    """Numbers for JSON, rounded; None for NaN."""
    return [[None if np.isnan(value) else round(float(value), 3) for value in row] for row in values]


def numbers(values: Sequence[Sequence[Any]]) -> np.ndarray:
    """The inverse of :func:`listed`."""
    return np.array([[np.nan if value is None else value for value in row] for row in values], dtype=float)


def single_thread() -> None:
    """One core, so that processor times compare."""
    torch.set_num_threads(1)
