"""Make gapless tracks of poses per frame.

Shapes: T frames of a track, K joints.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Mapping, Optional, Sequence, Tuple, TypedDict

import numpy as np
from mmengine.structures import InstanceData
from mmpose.apis.inference_tracking import _track_by_oks
from mmpose.structures import PoseDataSample

from mmpose_gss.errors import UserError


class Person(TypedDict):
    """A person in a frame.

    Attributes:
        keypoints (ndarray): ``(K,2)`` float32, pixels; NaN where a joint is not known.
        scores (ndarray): ``(K,)`` float32; 0 where a joint is not known.
        bbox (ndarray): ``(4,)`` float32: x1, y1, x2, y2.
        track_id (int, optional): The number that the input gives.
    """
    keypoints: np.ndarray
    scores: np.ndarray
    bbox: np.ndarray
    track_id: Optional[int]


#: A person with the number of the frame.
Seen = Tuple[int, Person]


@dataclass
class Track:
    """2D poses of a person in consecutive frames.

    Attributes:
        track_id (int): The person.
        start (int): First frame.
        keypoints (ndarray): ``(T,K,2)`` float32, pixels.
        scores (ndarray): ``(T,K)`` float32; 0 where nothing was seen.
        interpolated (ndarray): ``(T,K)`` bool, joints that were filled in.
    """
    track_id: int
    start: int
    keypoints: np.ndarray
    scores: np.ndarray
    interpolated: np.ndarray

    @property
    def frames(self) -> np.ndarray:
        """ndarray: ``(T,)`` frame numbers."""
        return np.arange(self.start, self.start + len(self.keypoints))


def clean_person(person: Mapping, num_joints: int, place: str) -> Person:
    """Check one person of a frame.

    Args:
        person (dict): ``keypoints`` ``(K,2)``, ``keypoint_scores`` ``(K,)``; optional ``bbox``, ``track_id``.
        num_joints (int): K.
        place (str): Where it stands, for messages.

    Returns:
        Person: The same with arrays of float32 and a ``bbox`` of 4; scores of non-finite joints are 0.

    Raises:
        UserError: If a shape does not fit.
    """
    keypoints = np.asarray(person['keypoints'], dtype=np.float32)
    keypoints = keypoints[0] if keypoints.ndim == 3 and len(keypoints) == 1 else keypoints
    scores = person.get('keypoint_scores')
    scores = np.ones(num_joints) if scores is None else scores
    scores = np.array(scores, dtype=np.float32).reshape(-1)
    if keypoints.shape != (num_joints, 2) or scores.shape != (num_joints, ):
        raise UserError(
            f'{place}: keypoints are {keypoints.shape} and keypoint_scores {scores.shape}, expected '
            f'{(num_joints, 2)} and {(num_joints, )} for a skeleton of {num_joints} joints')
    seen = np.isfinite(keypoints).all(axis=1) & np.isfinite(scores)
    scores[~seen] = 0
    bbox = np.asarray(person.get('bbox', ()), dtype=np.float32).reshape(-1)[:4]
    if bbox.size != 4 or not np.isfinite(bbox).all():
        bbox = np.zeros(4, dtype=np.float32)
        if seen.any():
            bbox = np.concatenate([keypoints[seen].min(axis=0), keypoints[seen].max(axis=0)])
    track_id = person.get('track_id')
    track_id = None if track_id is None else int(track_id)
    return dict(keypoints=keypoints, scores=scores, bbox=bbox, track_id=track_id)


def associate(frames: Sequence[Sequence[Person]], sigmas: Optional[Sequence[float]] = None,
              oks_thr: float = 0.3, max_age: int = 10) -> Dict[int, List[Seen]]:
    """Give every person a track number, greedily by OKS with the last pose of each track (MMPose's helper).

    Args:
        frames (list[list[dict]]): Per frame the people, of :func:`clean_person`. Tracks that the input has
            already are kept.
        sigmas (Sequence[float], optional): OKS constants of the K joints; ``None`` is COCO's.
        oks_thr (float): A track goes on if the OKS is above.
        max_age (int): Frames that a track may be unseen and still go on.

    Returns:
        dict[int, list[tuple[int, dict]]]: Per track the frames and people.

    Raises:
        UserError: If some people of a video have track numbers and others not, or a frame has one twice.
    """
    given = {person['track_id'] is not None for people in frames for person in people}
    if given == {True, False}:
        raise UserError('some people have a track_id and others have none; give it to all or to nobody')
    tracks: Dict[int, List[Seen]] = {}
    if True in given:
        for index, people in enumerate(frames):
            ids = [person['track_id'] for person in people]
            if len(set(ids)) != len(ids):
                raise UserError(f'frame {index} has two people with the same track_id: {sorted(ids)}')
            for person in people:
                tracks.setdefault(person['track_id'], []).append((index, person))
        return tracks
    known: List[PoseDataSample] = []  # last pose of each track, the most recent first
    for index, people in enumerate(frames):
        known = [sample for sample in known if index - sample.frame <= max_age + 1]
        current = []
        for person in sorted(people, key=lambda p: -p['scores'].mean()):
            sample = _sample(person)
            track_id, known, _ = _track_by_oks(sample, known, oks_thr, sigmas)
            sample.track_id = track_id if track_id >= 0 else len(tracks)
            sample.set_field(index, 'frame')
            tracks.setdefault(sample.track_id, []).append((index, person))
            current.append(sample)
        known = current + known
    return tracks


def _sample(person: Person) -> PoseDataSample:
    """Make what MMPose's helper reads; joints that are not known sit in the middle of the box."""
    keypoints = person['keypoints'].copy()
    x1, y1, x2, y2 = person['bbox']
    keypoints[~np.isfinite(keypoints).all(axis=1)] = (x1 + x2) / 2, (y1 + y2) / 2
    sample = PoseDataSample()
    sample.pred_instances = InstanceData(
        keypoints=keypoints[None], keypoint_scores=person['scores'][None],
        areas=np.maximum([(x2 - x1) * (y2 - y1)], 1.0))
    return sample


def fill_gaps(track_id: int, seen: Sequence[Seen], names: Sequence[str], max_gap: int = 10,
              min_score: float = 0.0) -> List[Track]:
    """Make gapless tracks of a person: gaps of frames and joints are interpolated linearly in time.

    A gap of more than ``max_gap`` frames splits the track. Within a track, a joint that is NaN or scored
    below ``min_score`` is interpolated between frames that show it, if these are at most ``max_gap`` frames
    apart; otherwise it keeps its weak position, or where it has none, the nearest known one.

    Args:
        track_id (int): The person.
        seen (list[tuple[int, dict]]): Frame numbers, ascending, and people with ``keypoints`` and ``scores``.
        names (Sequence[str]): The K joint names.
        max_gap (int): Missing frames that are bridged.
        min_score (float): Score below which a joint counts as missing.

    Returns:
        list[Track]: The tracks, in time order.

    Raises:
        UserError: Naming a joint that no frame of a track shows.
    """
    tracks, start = [], 0
    for i in range(1, len(seen) + 1):
        if i == len(seen) or seen[i][0] - seen[i - 1][0] - 1 > max_gap:
            tracks.append(_dense(track_id, seen[start:i], names, max_gap, min_score))
            start = i
    return tracks


def _dense(track_id: int, seen: Sequence[Seen], names: Sequence[str], max_gap: int,
           min_score: float) -> Track:
    """Make one track of what was seen without a long gap; see :func:`fill_gaps`."""
    num_joints = len(names)
    first, last = seen[0][0], seen[-1][0]
    count = last - first + 1
    keypoints = np.full((count, num_joints, 2), np.nan, dtype=np.float32)
    scores = np.zeros((count, num_joints), dtype=np.float32)
    for frame, person in seen:
        keypoints[frame - first], scores[frame - first] = person['keypoints'], person['scores']
    finite = np.isfinite(keypoints).all(axis=2)
    filled = np.zeros_like(finite)
    for joint in range(num_joints):
        good = finite[:, joint] & (scores[:, joint] >= min_score)
        anchors = np.flatnonzero(good if good.any() else finite[:, joint])
        if not len(anchors):
            raise UserError(
                f'{names[joint]} of track {track_id} is NaN in all frames from {first} to {last}; leave the '
                'track out or give the joint a position')
        frames = np.arange(count)
        after = np.searchsorted(anchors, frames)  # the next anchor; an anchor is its own
        left, right = anchors[np.maximum(after - 1, 0)], anchors[np.minimum(after, len(anchors) - 1)]
        inside = (frames > left) & (frames < right)
        bridged = inside & (right - left - 1 <= max_gap)
        replace = bridged | ~finite[:, joint]
        replace[anchors] = False
        for axis in range(2):
            line = np.interp(frames, anchors, keypoints[anchors, joint, axis])
            nearest = keypoints[np.where(frames - left <= right - frames, left, right), joint, axis]
            keypoints[replace, joint, axis] = np.where(bridged, line, nearest)[replace]
        filled[:, joint] = replace
    return Track(track_id, first, keypoints, scores, filled)
