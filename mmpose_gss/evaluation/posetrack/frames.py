"""The frames that are evaluated, as flat arrays over all videos, and all pairs of people in them.

Which frames and joints count follows the public evaluator (poseval/eval_helpers.py, cleanupData and
removeIgnoredPoints): frames without ground-truth annotation are dropped together with their predictions,
then joints of both sides inside an ignore region go, and people left without any.

Shapes: F evaluated frames, G ground-truth people, P predicted people, N pairs of a predicted and a
ground-truth person of one frame, 15 joints.
"""
from __future__ import annotations

from dataclasses import dataclass, replace
from typing import List, Sequence, Tuple

import numpy as np

from mmpose_gss.evaluation.posetrack.polygons import points_in_polygon
from mmpose_gss.structures.people_table import PeopleTable, PeopleVideo

# A joint is found if it lies within half a head size, the limit included (poseval, distThresh).
DISTANCE_LIMIT = 0.5


@dataclass
class PoseTrackFrames:
    """Evaluated frames of all videos; people are sorted by frame, within a frame in file order.

    Attributes:
        names: names of the videos.
        sequence: index of the frame's video in ``names``, ``(F,)`` int64.
        number: number of the frame in its video, ``(F,)`` int64.
        gt: G ground-truth people, whose ``frame`` counts evaluated frames.
        pred: P predicted people, likewise.
        notes: what is odd about the files but can be evaluated, in sentences.
    """
    names: List[str]
    sequence: np.ndarray
    number: np.ndarray
    gt: PeopleTable
    pred: PeopleTable
    notes: Tuple[str, ...] = ()

    @property
    def num_frames(self) -> int:
        """F."""
        return len(self.sequence)

    def select(self, sequence: int) -> 'PoseTrackFrames':
        """Keep only the frames of one video."""
        kept = np.flatnonzero(self.sequence == sequence)
        place = np.full(self.num_frames, -1)
        place[kept] = np.arange(len(kept))
        gt, pred = (_placed(table, place) for table in (self.gt, self.pred))
        return PoseTrackFrames([self.names[sequence]], np.zeros(len(kept), dtype=np.int64),
                               self.number[kept], gt, pred)


def _placed(table: PeopleTable, place: np.ndarray) -> PeopleTable:
    """Renumber frames; people of frames with the place -1 go."""
    table = table.rows(place[table.frame] >= 0)
    return replace(table, frame=place[table.frame])


def evaluated_frames(videos: Sequence[Tuple[PeopleVideo, PeopleVideo]]) -> PoseTrackFrames:
    """Choose the frames, joints and people that count.

    Args:
        videos: ground truth and prediction of each video with the 15 evaluated joints, frames already
            paired (``pair_frames``).

    Raises:
        ValueError: If there is no video.
    """
    if not videos:
        raise ValueError('No video to evaluate: give at least one pair of ground truth and prediction.')
    gts, preds, sequences, numbers, offset = [], [], [], [], 0
    for number, (gt, pred) in enumerate(videos):
        kept = np.unique(gt.people.frame)
        place = np.full(gt.num_frames, -1)
        place[kept] = np.arange(offset, offset + len(kept))
        regions = [gt.regions[frame] for frame in kept]
        for table, tables in ((gt.people, gts), (pred.people, preds)):
            table = _placed(table.rows(table.has_points), place)
            tables.append(_without_ignored(table, regions, offset))
        sequences.append(np.full(len(kept), number, dtype=np.int64))
        named = gt.keys if None in gt.numbers else gt.numbers
        numbers.append(np.array(named, dtype=np.int64)[kept])
        offset += len(kept)
    notes = tuple(dict.fromkeys(note for pair in videos for video in pair for note in video.notes))
    return PoseTrackFrames([gt.name for gt, _ in videos], np.concatenate(sequences), np.concatenate(numbers),
                           PeopleTable.joined(gts), PeopleTable.joined(preds), notes)


def _without_ignored(table: PeopleTable, regions: List[list], offset: int) -> PeopleTable:
    """Drop joints inside ignore regions, and in frames that have such regions people without any joint."""
    has_regions = np.array([bool(r) for r in regions], dtype=bool)
    if not has_regions.any() or not len(table):
        return table
    valid = table.valid.copy()
    first = np.searchsorted(table.frame, np.arange(offset, offset + len(regions) + 1))
    for i in np.flatnonzero(has_regions):
        people = slice(first[i], first[i + 1])
        joints = np.argwhere(valid[people])
        xy = table.xy[people][joints[:, 0], joints[:, 1]]
        ignored = np.zeros(len(joints), dtype=bool)
        for polygon in regions[i]:
            ignored |= points_in_polygon(xy, polygon)
        gone = joints[ignored]
        valid[first[i] + gone[:, 0], gone[:, 1]] = False
    kept = valid.any(axis=1) | ~has_regions[table.frame - offset]
    return replace(table, valid=valid).rows(kept)


@dataclass
class PersonPairs:
    """All pairs of a predicted and a ground-truth person of one frame, by frame, prediction, ground truth.

    Attributes:
        pred: row of the predicted person, ``(N,)`` int64.
        gt: row of the ground-truth person, ``(N,)`` int64.
        distance: in head sizes, inf where one of them lacks the joint, ``(N, 15)`` float64.
        match: the distance is within the limit, ``(N, 15)`` bool.
    """
    pred: np.ndarray
    gt: np.ndarray
    distance: np.ndarray
    match: np.ndarray


def pair_people(frames: PoseTrackFrames, limit: float = DISTANCE_LIMIT) -> PersonPairs:
    """Measure the distances of all joints of all pairs.

    Args:
        frames: evaluated frames.
        limit: largest distance of a found joint, in head sizes.
    """
    gt_first = np.searchsorted(frames.gt.frame, np.arange(frames.num_frames + 1))
    gt_count = np.diff(gt_first)[frames.pred.frame]                  # (P,) ground-truth people beside each
    pred = np.repeat(np.arange(len(gt_count)), gt_count)
    start = np.cumsum(gt_count) - gt_count
    gt = np.arange(len(pred)) - np.repeat(start - gt_first[frames.pred.frame], gt_count)
    delta = frames.gt.xy[gt]
    delta -= frames.pred.xy[pred]
    both = frames.gt.valid[gt] & frames.pred.valid[pred]
    delta *= delta
    with np.errstate(divide='ignore', invalid='ignore'):             # a head box may have no size
        distance = np.sqrt(delta[..., 0] + delta[..., 1]) / frames.gt.head[gt, None]
    distance[~both] = np.inf
    return PersonPairs(pred, gt, distance, distance <= limit)
