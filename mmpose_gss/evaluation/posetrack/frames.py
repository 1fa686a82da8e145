"""The frames that are evaluated, as flat arrays over all videos, and all pairs of people in them.

Which frames and joints count follows the public evaluator (poseval/eval_helpers.py, cleanupData and
removeIgnoredPoints): frames without ground-truth annotation are dropped together with their predictions,
then joints of both sides inside an ignore region go, and people left without any.

Shape legend: F evaluated frames, G ground-truth people, P predicted people, N pairs of a predicted and a
ground-truth person of one frame, 15 joints.
"""
from dataclasses import dataclass
from typing import List, Sequence, Tuple

import numpy as np

from mmpose_gss.evaluation.posetrack.polygons import points_in_polygon
from mmpose_gss.evaluation.posetrack.tables import PoseTrackVideo

# A joint is found if it lies within half a head size, the limit included (poseval, distThresh).
DISTANCE_LIMIT = 0.5


@dataclass
class PoseTrackFrames:
    """Evaluated frames of all videos; people are sorted by frame, within a frame in file order.

    Attributes:
        names: names of the videos.
        sequence: (F,) int64, index of the frame's video in ``names``.
        number: (F,) int64, number of the frame in its video.
        gt: one table of ground-truth people whose ``frame`` counts evaluated frames.
        pred: the same for predictions.
    """
    names: List[str]
    sequence: np.ndarray
    number: np.ndarray
    gt: PoseTrackVideo
    pred: PoseTrackVideo

    @property
    def num_frames(self) -> int:
        """Number of evaluated frames."""
        return len(self.sequence)

    def select(self, sequence: int) -> 'PoseTrackFrames':
        """Only the frames of one video."""
        kept = np.flatnonzero(self.sequence == sequence)
        place = np.full(self.num_frames, -1)
        place[kept] = np.arange(len(kept))
        tables = []
        for table in (self.gt, self.pred):
            table = table.people(place[table.frame] >= 0) if len(table.frame) else table.people(slice(None))
            table.frame = place[table.frame]
            tables.append(table)
        return PoseTrackFrames([self.names[sequence]], np.zeros(len(kept), dtype=np.int64),
                               self.number[kept], *tables)


def evaluated_frames(videos: Sequence[Tuple[PoseTrackVideo, PoseTrackVideo]]) -> PoseTrackFrames:
    """Choose the frames, joints and people that count.

    Args:
        videos: ground truth and prediction of each video, frames already paired (``pair_frames``).
    """
    gts, preds, sequences, numbers, offset = [], [], [], [], 0
    for number, (gt, pred) in enumerate(videos):
        kept = np.unique(gt.frame)
        place = np.full(gt.num_frames, -1)
        place[kept] = np.arange(offset, offset + len(kept))
        regions = [gt.regions[frame] for frame in kept]
        for table, tables in ((gt, gts), (pred, preds)):
            table = table.people(table.has_points & (place[table.frame] >= 0))
            table.frame = place[table.frame]
            tables.append(_without_ignored(table, regions, offset))
        sequences.append(np.full(len(kept), number, dtype=np.int64))
        named = gt.keys if None in gt.numbers else gt.numbers
        numbers.append(np.array(named, dtype=np.int64)[kept])
        offset += len(kept)
    gt, pred = _join(gts), _join(preds)
    names = [video.name for video, _ in videos]
    return PoseTrackFrames(names, np.concatenate(sequences), np.concatenate(numbers), gt, pred)


def _without_ignored(table: PoseTrackVideo, regions: List[list], offset: int) -> PoseTrackVideo:
    """Drop joints inside ignore regions, and in frames that have such regions people without any joint."""
    has_regions = np.array([bool(r) for r in regions], dtype=bool)
    if not has_regions.any() or not len(table.frame):
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
    table.valid = valid
    return table.people(valid.any(axis=1) | ~has_regions[table.frame - offset])


def _join(tables: List[PoseTrackVideo]) -> PoseTrackVideo:
    if not tables:
        raise ValueError('No video to evaluate: give at least one pair of ground truth and prediction.')

    def joined(name):
        return np.concatenate([getattr(table, name) for table in tables])

    columns = ('frame', 'xy', 'valid', 'score', 'track', 'tracked', 'head', 'has_points')
    return PoseTrackVideo(name='', source='', keys=[], numbers=[], regions=[],
                          **{column: joined(column) for column in columns})


@dataclass
class PersonPairs:
    """All pairs of a predicted and a ground-truth person of one frame, by frame, prediction, ground truth.

    Attributes:
        pred: (N,) int64, row of the predicted person.
        gt: (N,) int64, row of the ground-truth person.
        distance: (N, 15) float64, in head sizes; inf where one of them lacks the joint.
        match: (N, 15) bool, the distance is within the limit.
    """
    pred: np.ndarray
    gt: np.ndarray
    distance: np.ndarray
    match: np.ndarray


def pair_people(frames: PoseTrackFrames, limit: float = DISTANCE_LIMIT) -> PersonPairs:
    """Distances of all joints of all pairs.

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
