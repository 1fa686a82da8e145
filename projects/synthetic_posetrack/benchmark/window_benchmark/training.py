"""Training and scoring of one row with one seed.

Shapes: N windows, T frames, C channels, K joints, h, w map, heatmaps of the same size.
"""
from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Dict, List, Tuple

import numpy as np
import torch
from mmengine.optim import OptimWrapper
from mmpose.registry import KEYPOINT_CODECS
from torch import Tensor

from mmpose_gss.engine.optim import TrainableOptimWrapperConstructor
from window_benchmark.encoder import warm_cosine
from window_benchmark.scores import Found
from window_benchmark.settings import CODEC
from window_benchmark.smoothing import smooth, weights_of
from window_benchmark.systems import Row, System
from window_benchmark.windows import Truth, Windows

#: Points of the curve of the training loss.
CURVE_POINTS = 20


def optimiser(system: System, row: Row) -> OptimWrapper:
    """AdamW as the package's configs build it; no decay of norms and biases."""
    constructor = TrainableOptimWrapperConstructor(
        dict(type='OptimWrapper', clip_grad=dict(max_norm=1.),
             optimizer=dict(type='AdamW', lr=row.lr, weight_decay=0.01)),
        dict(norm_decay_mult=0., bias_decay_mult=0.,
             custom_keys={'head.final_layer': dict(lr_mult=row.head_lr, decay_mult=1.)}))
    return constructor(system)


def train(system: System, row: Row, windows: Windows, seed: int,
          iterations: int) -> Tuple[List[float], float]:
    """Train a system; windows come in an order that depends on the seed alone.

    Args:
        system (System): As built.
        row (Row): Learning rate and batch size.
        windows (Windows): Of the set ``neck``.
        seed (int): Of the order and of whatever the neck draws.
        iterations (int): Batches.

    Returns:
        tuple: Mean loss of each twentieth of the training, and minutes of processor time.
    """
    torch.manual_seed(seed)
    system.train()
    wrapper = optimiser(system, row)
    schedule = torch.optim.lr_scheduler.LambdaLR(wrapper.optimizer, warm_cosine(iterations))
    order, places, losses = np.random.default_rng(seed), np.zeros(0, dtype=int), []
    start = time.process_time()
    for _ in range(iterations):
        while len(places) < row.batch_size:
            places = np.concatenate((places, order.permutation(len(windows))))
        index, places = places[:row.batch_size], places[row.batch_size:]
        heatmaps, weights = (torch.from_numpy(array[index]).float()
                             for array in (windows.heatmaps, windows.weights))
        parts = system.losses(windows.batch(index), heatmaps, weights)
        wrapper.update_params(sum(parts.values()))
        schedule.step()
        losses.append(float(parts['loss_kpt'].detach()))
    minutes = (time.process_time() - start) / 60
    system.eval()
    return [float(part.mean()) for part in np.array_split(losses, min(CURVE_POINTS, iterations))], minutes


@dataclass
class Prediction:
    """Poses of N windows.

    Attributes:
        found (Found): In head sizes from the truth.
        heatmaps (np.ndarray): float16 ``(N,K,h,w)``; empty for smoothed poses.
        milliseconds (float): Processor time of neck and head per person.
    """
    found: Found
    heatmaps: np.ndarray
    milliseconds: float


def decode(heatmaps: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Places ``(N,K,2)`` in the crop and maxima ``(N,K)`` of heatmaps ``(N,K,h,w)``."""
    codec = KEYPOINT_CODECS.build(CODEC)
    pairs = [codec.decode(maps) for maps in heatmaps]
    return np.concatenate([points for points, _ in pairs]), np.concatenate([scores for _, scores in pairs])


def against(points: np.ndarray, scores: np.ndarray, truth: Truth) -> Found:
    """Compare places in the crop with the truth."""
    in_image = points * truth.to_image[:, :1] + truth.to_image[:, 1:]
    offset = (in_image - truth.joints) / truth.head_size[:, None, None]
    return Found(offset.astype(np.float32), scores.astype(np.float32))


def still(feats: Tensor) -> Tensor:
    """Windows in which every frame is the key frame."""
    middle = feats.shape[1] // 2
    return feats[:, middle:middle + 1].expand_as(feats).contiguous()


@torch.no_grad()
def predict(system: System, row: Row, windows: Windows, stand_still: bool = False,
            batch_size: int = 8) -> Prediction:
    """Run a system on all windows of a set.

    Args:
        system (System): In evaluation mode.
        row (Row): Says whether poses are smoothed.
        windows (Windows): The set.
        stand_still (bool): Whether all support frames are replaced by the key frame.
        batch_size (int): Windows at once.
    """
    if row.smooth is not None:
        return _predict_smoothed(system, row, windows, batch_size)
    outputs, spent = [], 0.
    for first in range(0, len(windows), batch_size):
        feats = windows.batch(range(first, min(first + batch_size, len(windows))))
        feats = still(feats) if stand_still else feats
        start = time.process_time()
        outputs.append(system(feats).numpy())
        spent += time.process_time() - start
    heatmaps = np.concatenate(outputs)
    return Prediction(against(*decode(heatmaps), windows.truth), heatmaps.astype(np.float16),
                      1000 * spent / len(windows))


def _predict_smoothed(system: System, row: Row, windows: Windows, batch_size: int) -> Prediction:
    """Poses of all T frames in the key frame's crop, then their weighted mean."""
    settings: Dict = dict(row.smooth)
    trust = settings.pop('trust', False)
    weight, points, scores, spent = weights_of(row.frames, **settings), [], [], 0.
    for first in range(0, len(windows), batch_size):
        feats = windows.batch(range(first, min(first + batch_size, len(windows))))
        start = (feats.shape[1] - row.frames) // 2
        maps = feats[:, start:start + row.frames]
        begin = time.process_time()
        place, score = decode(system.head((maps.flatten(0, 1), )).numpy())
        shape = (len(maps), row.frames)
        place, score = place.reshape(*shape, *place.shape[1:]), score.reshape(*shape, -1)
        points.append(smooth(place, score, weight, trust))
        scores.append(score[:, row.frames // 2])
        spent += time.process_time() - begin
    found = against(np.concatenate(points), np.concatenate(scores), windows.truth)
    return Prediction(found, np.zeros((0, ), np.float16), 1000 * spent / len(windows))


def change(heatmaps: np.ndarray, still_heatmaps: np.ndarray) -> float:
    """How much of the heatmaps depends on the support frames: |H - H'| / |H|, norms over all windows."""
    before = heatmaps.astype(np.float64)
    return float(np.linalg.norm(before - still_heatmaps) / max(np.linalg.norm(before), 1e-12))
