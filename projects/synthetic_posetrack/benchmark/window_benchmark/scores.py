"""Average precision per difficulty, its bootstrap over clips, and jitter.

Every candidate is one annotated joint of a person whose box is known: PoseTrack's AP at PCKh 0.5 without its
assignment of people. AP of a group of joints (hidden, fast, ...) is the mean over the 15 joints of PoseTrack.

Shapes: N persons, K joints, D draws of a bootstrap.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence

import numpy as np

from window_benchmark.windows import Truth

#: A joint is blurred if it moves so far while the shutter is open, fast if so far per frame; head sizes.
BLURRED, FAST = 0.3, 0.6
GROUPS = ('all', 'in view', 'hidden', 'blurred', 'fast', 'crossing')
#: A joint is right within this distance, head sizes.
LIMIT = 0.5


@dataclass
class Found:
    """Predictions for N persons.

    Attributes:
        offset (np.ndarray): Prediction minus truth in head sizes, float32 ``(N,K,2)``.
        score (np.ndarray): Maxima of the heatmaps, float32 ``(N,K)``.
    """
    offset: np.ndarray
    score: np.ndarray

    @property
    def right(self) -> np.ndarray:
        """Which joints are close enough, bool ``(N,K)``."""
        return np.linalg.norm(self.offset, axis=-1) <= LIMIT


def groups_of(truth: Truth) -> Dict[str, np.ndarray]:
    """Which joints belong to each of :data:`GROUPS`, bool ``(N,K)``."""
    head = truth.head_size[:, None]
    masks = {'all': truth.annotated, 'in view': ~truth.hidden, 'hidden': truth.hidden,
             'blurred': truth.blur >= BLURRED * head, 'fast': truth.speed >= FAST * head,
             'crossing': truth.crossing}
    return {name: mask & truth.annotated for name, mask in masks.items()}


def average_precision(score: np.ndarray, right: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Area under the envelope of the precision over recall.

    Args:
        score (np.ndarray): ``(N,)``.
        right (np.ndarray): bool ``(N,)``.
        weight (np.ndarray): How often each candidate counts, ``(D,N)``.

    Returns:
        np.ndarray: Percent, ``(D,)``; NaN where nothing counts.
    """
    order = np.argsort(-score, kind='stable')
    weight, hit = weight[:, order], weight[:, order] * right[order]
    total = weight.sum(1)
    with np.errstate(divide='ignore', invalid='ignore'):
        precision = np.where(weight > 0, hit.cumsum(1) / weight.cumsum(1), 0.)
        envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        return 100 * (envelope * hit).sum(1) / total


def mean_ap(found: Found, group: np.ndarray, weight: Optional[np.ndarray] = None) -> np.ndarray:
    """AP of a group, mean over the joints that it has.

    Args:
        found (Found): Predictions.
        group (np.ndarray): bool ``(N,K)``.
        weight (np.ndarray, optional): How often each person counts, ``(D,N)``; each once if None.

    Returns:
        np.ndarray: Percent, ``(D,)``.
    """
    weight = np.ones((1, len(group))) if weight is None else weight
    right, values = found.right, []
    for k in np.flatnonzero(group.any(0)):
        chosen = group[:, k]
        values.append(average_precision(found.score[chosen, k], right[chosen, k], weight[:, chosen]))
    if not values:
        return np.full(len(weight), np.nan)
    values = np.stack(values)
    seen = np.isfinite(values)
    with np.errstate(invalid='ignore'):
        return np.where(seen, values, 0).sum(0) / seen.sum(0)


def jitter(found: Found, truth: Truth) -> float:
    """Mean acceleration error over three consecutive key frames of a person, head sizes per frame²."""
    place = {key: i for i, key in enumerate(zip(truth.clip.tolist(), truth.person.tolist(),
                                               truth.frame.tolist()))}
    triples = [(place.get((c, p, f - 1)), i, place.get((c, p, f + 1))) for (c, p, f), i in place.items()]
    triples = np.array([triple for triple in triples if None not in triple], dtype=int).reshape(-1, 3)
    before, middle, after = triples.T
    error = found.offset * truth.head_size[:, None, None]  # pixels: the unit differs from frame to frame
    acceleration = np.linalg.norm(error[before] - 2 * error[middle] + error[after], axis=-1)
    acceleration = acceleration / truth.head_size[middle, None]
    counts = truth.annotated[before] & truth.annotated[middle] & truth.annotated[after]
    return float(acceleration[counts].mean()) if counts.any() else float('nan')


def clip_draws(clip: np.ndarray, draws: int, seed: int = 0) -> np.ndarray:
    """How often each person counts when clips are drawn with replacement, ``(D,N)``."""
    names, index = np.unique(clip, return_inverse=True)
    picked = np.random.default_rng(seed).integers(len(names), size=(draws, len(names)))
    counts = np.stack([np.bincount(row, minlength=len(names)) for row in picked])
    return counts[:, index].astype(np.float64)


def interval(runs: Sequence[np.ndarray], seed: int = 0) -> List[float]:
    """Mean and 95 % interval of a figure over clips and seeds at once.

    Args:
        runs (Sequence[np.ndarray]): For each seed the figure as measured, followed by its D bootstrap draws,
            all seeds under the same draws of clips, ``(1+D,)``.
        seed (int): Of the draw of seeds.

    Returns:
        list[float]: Mean as measured, lower and upper end.
    """
    values = np.stack(runs)
    picked = np.random.default_rng(seed).integers(len(values), size=(values.shape[1] - 1, len(values)))
    draws = np.take_along_axis(values[:, 1:].T, picked, axis=1).mean(1)
    low, high = np.nanpercentile(draws, [2.5, 97.5])
    return [float(values[:, 0].mean()), float(low), float(high)]
