"""Average precision of groups of joints: hidden, blurred, fast ones.

People are known here (one prediction for each annotated box), so that every annotated joint is one candidate:
PoseTrack's AP at PCKh 0.5 without its assignment of people. A group's AP is the mean over the joints in it.

Shapes: N people, K joints, D draws of a bootstrap.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence

import numpy as np

#: From how much movement a joint is blurred (while the shutter is open) and fast (per frame), head sizes.
BLURRED, FAST = 0.3, 0.6
#: A joint is right within this distance, head sizes.
LIMIT = 0.5


@dataclass
class JointTruth:
    """What is annotated.

    Attributes:
        keypoints (np.ndarray): Pixels, ``(N,K,2)``.
        annotated (np.ndarray): Bool ``(N,K)``.
        head_size (np.ndarray): Pixels, ``(N,)``.
        clip (np.ndarray): Number of each person's clip, ``(N,)``.
        hidden (np.ndarray, optional): Bool ``(N,K)``; None where the annotations do not tell.
        blur (np.ndarray, optional): Pixels that a joint moves while the shutter is open, ``(N,K)``, or None.
        speed (np.ndarray, optional): Pixels per frame, ``(N,K)``, NaN where unknown, or None.
        crossing (np.ndarray, optional): Bool ``(N,K)``: somebody else's limb passes; or None.
    """

    keypoints: np.ndarray
    annotated: np.ndarray
    head_size: np.ndarray
    clip: np.ndarray
    hidden: Optional[np.ndarray] = None
    blur: Optional[np.ndarray] = None
    speed: Optional[np.ndarray] = None
    crossing: Optional[np.ndarray] = None

    def groups(self) -> Dict[str, np.ndarray]:
        """Return the joints of each group that the annotations tell, bool ``(N,K)``; ``'all'`` first."""
        head = self.head_size[:, None]
        found = {'all': self.annotated}
        if self.hidden is not None:
            found.update({'in view': ~self.hidden, 'hidden': self.hidden})
        if self.blur is not None:
            found.update({'sharp': self.blur < BLURRED * head, 'blurred': self.blur >= BLURRED * head})
        if self.speed is not None:
            found.update({'slow': self.speed < FAST * head, 'fast': self.speed >= FAST * head})
        if self.crossing is not None:
            found['crossing'] = self.crossing
        return {name: mask & self.annotated for name, mask in found.items()}

    def right(self, keypoints: np.ndarray) -> np.ndarray:
        """Tell which predicted joints ``(N,K,2)`` are close enough, bool ``(N,K)``."""
        distance = np.linalg.norm(keypoints - self.keypoints, axis=-1)
        return distance <= LIMIT * self.head_size[:, None]


def track_speed(keypoints: np.ndarray, annotated: np.ndarray, clip: Sequence, track: Sequence,
                frame: Sequence[int]) -> np.ndarray:
    """Speed of joints from the annotations of a person's neighbouring frames.

    Args:
        keypoints (np.ndarray): Pixels, ``(N,K,2)``.
        annotated (np.ndarray): Bool ``(N,K)``.
        clip (Sequence): The N people's clips.
        track (Sequence): Their track ids; None for none.
        frame (Sequence[int]): Their frames.

    Returns:
        np.ndarray: Pixels per frame, ``(N,K)``: the mean over the steps from the annotated frame before and
        to the one after; NaN where there is neither.
    """
    tracks: Dict[tuple, List[tuple]] = {}
    for i, key in enumerate(zip(clip, track)):
        if key[1] is not None:
            tracks.setdefault(key, []).append((frame[i], i))
    total, steps = np.zeros(annotated.shape), np.zeros(annotated.shape)
    for members in tracks.values():
        members.sort()
        for (earlier, i), (later, j) in zip(members, members[1:]):
            if later == earlier:
                continue
            both = annotated[i] & annotated[j]
            step = np.linalg.norm(keypoints[j] - keypoints[i], axis=-1) / (later - earlier)
            for k in (i, j):
                total[k] += np.where(both, step, 0)
                steps[k] += both
    with np.errstate(invalid='ignore'):
        return np.where(steps > 0, total / steps, np.nan)


def average_precision(score: np.ndarray, right: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Area under the envelope of the precision over the recall of N candidates.

    Args:
        score (np.ndarray): ``(N,)``.
        right (np.ndarray): Bool ``(N,)``.
        weight (np.ndarray): How often each candidate counts, ``(D,N)``.

    Returns:
        np.ndarray: Percent, ``(D,)``; NaN where nothing counts.
    """
    order = np.argsort(-score, kind='stable')
    weight = weight[:, order]
    hit = weight * right[order]
    with np.errstate(divide='ignore', invalid='ignore'):
        precision = np.where(weight > 0, hit.cumsum(1) / weight.cumsum(1), 0.)
        envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        return 100 * (envelope * hit).sum(1) / weight.sum(1)


def group_ap(score: np.ndarray, right: np.ndarray, group: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """AP of a group of joints.

    Args:
        score (np.ndarray): ``(N,K)``.
        right (np.ndarray): Bool ``(N,K)``.
        group (np.ndarray): Bool ``(N,K)``.
        weight (np.ndarray): How often each person counts, ``(D,N)``.

    Returns:
        np.ndarray: Percent, ``(D,)``; NaN where the group is empty.
    """
    values = [average_precision(score[group[:, k], k], right[group[:, k], k], weight[:, group[:, k]])
              for k in np.flatnonzero(group.any(0))]
    if not values:
        return np.full(len(weight), np.nan)
    seen = np.isfinite(values)
    with np.errstate(invalid='ignore'):
        return np.where(seen, values, 0).sum(0) / seen.sum(0)


def clip_weights(clip: np.ndarray, draws: int, seed: int = 0) -> np.ndarray:
    """How often each person counts: once, and in ``draws`` draws of the clips with replacement.

    Args:
        clip (np.ndarray): ``(N,)``.
        draws (int): Number of draws.
        seed (int): Of the draws.

    Returns:
        np.ndarray: ``(1+draws,N)``.
    """
    names, index = np.unique(clip, return_inverse=True)
    picked = np.random.default_rng(seed).integers(len(names), size=(draws, len(names)))
    counts = np.stack([np.ones(len(names)), *(np.bincount(row, minlength=len(names)) for row in picked)])
    return counts[:, index]


def with_interval(values: np.ndarray) -> List[Optional[float]]:
    """A figure and its 95 % interval ``[value, low, high]`` from ``(1+D,)``; None where unknown."""
    known = values[np.isfinite(values)]
    if not len(known) or not np.isfinite(values[0]):
        return [None, None, None]
    return [float(values[0]), *(float(end) for end in np.percentile(known, [2.5, 97.5]))]
