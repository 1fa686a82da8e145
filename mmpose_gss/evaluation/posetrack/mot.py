"""PoseTrack's tracking figures (CLEAR MOT) per joint, batched over joints, people and videos.

The rules are those of the public evaluator (poseval/evaluateTracking.py over py-motmetrics' MOTAccumulator):
every joint is tracked for itself; all pairs within the limit are eligible; an object keeps its last
hypothesis where that is still eligible, the rest is matched with the smallest total distance (Hungarian);
a match with another hypothesis than the object's last one is a switch. Only the steps in time are a loop:
frame t of all videos and joints is handled at once.

Shapes: F frames, G ground-truth people, P predicted people, S sequences, E eligible pairs of joints
(one entry for each pair of people and joint), 15 joints.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple

import numpy as np

from mmpose_gss.evaluation.posetrack.assignment import hungarian, smallest_total
from mmpose_gss.evaluation.posetrack.frames import PersonPairs, PoseTrackFrames, pair_people
from mmpose_gss.evaluation.posetrack.joints import NUM_JOINTS
from mmpose_gss.structures.people_table import PeopleTable


@dataclass
class MOTCounts:
    """Events of each sequence and joint, ``(S, 15)`` each.

    Attributes:
        misses: annotated joints without match.
        switches: matches with another hypothesis than the object's last.
        false_positives: predicted joints without match.
        objects: annotated joints.
        detections: matches, switches among them.
        distance: summed distance of the matches, in head sizes.
        event_distance: summed distance of all rows of the reference's event table: of every eligible pair,
            of every match, and once more for a match that passes a hypothesis from one object to another,
            uses a hypothesis never matched before for a switch, or gives a passed hypothesis to an object
            never matched before.
        frames: frames that were counted, ``(S, 1)``.
    """
    misses: np.ndarray
    switches: np.ndarray
    false_positives: np.ndarray
    objects: np.ndarray
    detections: np.ndarray
    distance: np.ndarray
    event_distance: np.ndarray
    frames: np.ndarray

    def total(self) -> 'MOTCounts':
        """Sum the counters over sequences: ``(1, 15)`` each."""
        return MOTCounts(*(np.sum(value, axis=0, keepdims=True) for value in vars(self).values()))

    def one(self, sequence: int) -> 'MOTCounts':
        """Choose the counters of one sequence: ``(1, 15)`` each."""
        return MOTCounts(*(value[sequence:sequence + 1] for value in vars(self).values()))


@dataclass
class MOTResult:
    """Figures per joint, ``(15,)`` each, percent, NaN where there is nothing to divide by."""
    mota: np.ndarray
    motp: np.ndarray
    precision: np.ndarray
    recall: np.ndarray


def mot_figures(counts: MOTCounts, poseval_compat: bool = True) -> MOTResult:
    """Compute figures from counters, summed over sequences first.

    Args:
        counts: counters (``posetrack_mot``).
        poseval_compat: MOTP from the distances of all event rows, about double, as the reference has it,
            and 0 where nothing was matched; otherwise from the matches, and NaN where there are none.
    """
    c = counts.total()
    with np.errstate(divide='ignore', invalid='ignore'):
        objects = np.where(c.objects[0] > 0, c.objects[0], np.nan)
        mota = 100 * (1 - (c.misses[0] + c.switches[0] + c.false_positives[0]) / objects)
        motp = 100 * (1 - (c.event_distance if poseval_compat else c.distance)[0] / c.detections[0])
        if poseval_compat:
            motp = np.where(c.detections[0] > 0, motp, 0.0)
        precision = 100 * c.detections[0] / (c.detections[0] + c.false_positives[0])
        recall = 100 * c.detections[0] / objects
    return MOTResult(mota, motp, precision, recall)


def posetrack_mot(frames: PoseTrackFrames, pairs: Optional[PersonPairs] = None,
                  poseval_compat: bool = True) -> MOTCounts:
    """Count the events of tracking.

    Args:
        frames: evaluated frames of all videos; all people must have a track id.
        pairs: their pairs of people, if already there.
        poseval_compat: as in ``count_events``.

    Returns:
        MOTCounts: counters of every sequence and joint.
    """
    pairs = pair_people(frames) if pairs is None else pairs
    return count_events(frames, follow_joints(frames, pairs), poseval_compat)


@dataclass
class JointEvents:
    """Eligible pairs of joints, ``(E,)`` each, by time step.

    Attributes:
        frame: evaluated frame.
        joint: joint.
        distance: distance in head sizes.
        matched: whether the pair was matched.
        switch: whether that was a switch.
        rows: rows of the reference's event table that have this distance (see ``MOTCounts``).
    """
    frame: np.ndarray
    joint: np.ndarray
    distance: np.ndarray
    matched: np.ndarray
    switch: np.ndarray
    rows: np.ndarray


def count_events(frames: PoseTrackFrames, events: JointEvents, poseval_compat: bool = True) -> MOTCounts:
    """Count the events of every sequence and joint.

    Args:
        frames: evaluated frames of all videos.
        events: what was matched in them (``follow_joints``).
        poseval_compat: with the reference's quirks: the last evaluated frame of each sequence is left out,
            and a frame without people on one side counts one object, one miss and one false positive for
            each joint. Otherwise every frame counts for what is in it.
    """
    counted = np.ones(frames.num_frames, dtype=bool)
    if poseval_compat:
        counted[np.flatnonzero(np.diff(frames.sequence, append=-1) != 0)] = False
    empty = np.ones(frames.num_frames, dtype=bool)
    empty[np.intersect1d(frames.gt.frame, frames.pred.frame)] = False
    full = counted & ~empty if poseval_compat else counted

    num_seq = len(frames.names)
    objects, hypotheses = (
        _per_sequence(table.valid & full[table.frame][:, None], frames.sequence[table.frame], num_seq)
        for table in (frames.gt, frames.pred))
    here = full[events.frame]
    sequence = frames.sequence[events.frame]
    detections, switches, distance, event_distance = (
        _scatter(sequence, events.joint, weight * here, num_seq)
        for weight in (events.matched, events.switch, events.distance * events.matched,
                       events.distance * events.rows))
    misses, false_positives = objects - detections, hypotheses - detections
    if poseval_compat:
        phantom = np.bincount(frames.sequence[counted & empty], minlength=num_seq)[:, None]
        objects, misses, false_positives = objects + phantom, misses + phantom, false_positives + phantom
    return MOTCounts(misses, switches, false_positives, objects, detections, distance, event_distance,
                     np.bincount(frames.sequence[counted], minlength=num_seq)[:, None])


def follow_joints(frames: PoseTrackFrames, pairs: PersonPairs) -> JointEvents:
    """Match the eligible pairs frame after frame; what happens in a frame depends on earlier ones only."""
    pair, joint = np.nonzero(pairs.match)
    gt, pred = pairs.gt[pair], pairs.pred[pair]
    frame = frames.gt.frame[gt]
    start = np.searchsorted(frames.sequence, np.arange(len(frames.names)))
    step = frame - start[frames.sequence[frame]]
    order = np.argsort(step, kind='stable')
    pair, joint, gt, pred, frame, step = (a[order] for a in (pair, joint, gt, pred, frame, step))
    distance = pairs.distance[pair, joint]
    # Joint tracks: one number for each (video, track id, joint); joints of people: one for each (row, joint).
    object_ = _track_numbers(frames, frames.gt)[gt] * NUM_JOINTS + joint
    hypothesis = _track_numbers(frames, frames.pred)[pred] * NUM_JOINTS + joint
    gt_joint, pred_joint = gt * NUM_JOINTS + joint, pred * NUM_JOINTS + joint

    matched = np.zeros(len(pair), dtype=bool)
    switch = np.zeros(len(pair), dtype=bool)
    rows = np.ones(len(pair), dtype=np.int64)
    last_hypothesis = np.full(object_.max(initial=-1) + 1, -1)       # -1: never matched
    last_object = np.full(hypothesis.max(initial=-1) + 1, -1)        # set by new matches only
    hypothesis_seen = np.zeros(len(last_object), dtype=bool)
    gt_taken = np.zeros(frames.gt.valid.size, dtype=bool)
    keeper = np.full(frames.pred.valid.size, -1)                     # the pair that carries a joint over
    bounds = np.searchsorted(step, np.arange(step.max(initial=-1) + 2))
    for first, last in zip(bounds[:-1], bounds[1:]):
        now = np.arange(first, last)
        keeps = now[last_hypothesis[object_[now]] == hypothesis[now]]
        # Two objects may both remember a hypothesis: the first in file order has it.
        keeper[pred_joint[keeps[::-1]]] = keeps[::-1]
        keeps = keeps[keeper[pred_joint[keeps]] == keeps]
        matched[keeps] = True
        gt_taken[gt_joint[keeps]] = True
        hypothesis_seen[hypothesis[keeps]] = True
        rest = now[~gt_taken[gt_joint[now]] & (keeper[pred_joint[now]] == -1)]
        problem = frame[rest] * NUM_JOINTS + joint[rest]
        solved, left = smallest_total(gt_joint[rest], pred_joint[rest], distance[rest], problem)
        new = rest[solved]
        for number in left:
            members = rest[problem == number]
            new = np.append(new, members[_solve_whole(frames, number, gt[members], pred[members],
                                                      distance[members])])
        o, h = object_[new], hypothesis[new]
        matched[new] = True
        switch[new] = (last_hypothesis[o] != -1) & (last_hypothesis[o] != h)
        passed = (last_object[h] != -1) & (last_object[h] != o)
        for event in (switch[new] & ~hypothesis_seen[h], passed, passed & (last_hypothesis[o] == -1)):
            rows[new] += event
        hypothesis_seen[h] = True
        last_hypothesis[o], last_object[h] = h, o
    return JointEvents(frame, joint, distance, matched, switch, rows + matched)


def _solve_whole(frames: PoseTrackFrames, problem: int, gt: np.ndarray, pred: np.ndarray,
                 distance: np.ndarray) -> np.ndarray:
    """Match all joints of one kind in one frame: indices of the chosen pairs."""
    frame, joint = divmod(int(problem), NUM_JOINTS)
    rows, columns = (_with_joint(table, frame, joint) for table in (frames.gt, frames.pred))
    matrix = np.full((len(rows), len(columns)), np.inf)
    index = np.full(matrix.shape, -1)
    place = np.searchsorted(rows, gt), np.searchsorted(columns, pred)
    matrix[place], index[place] = distance, np.arange(len(distance))
    return index[hungarian(matrix)]


def _with_joint(table: PeopleTable, frame: int, joint: int) -> np.ndarray:
    """Find the rows of the people of a frame who have the joint."""
    first, last = np.searchsorted(table.frame, (frame, frame + 1))
    return first + np.flatnonzero(table.valid[first:last, joint])


def _track_numbers(frames: PoseTrackFrames, table: PeopleTable) -> np.ndarray:
    """Give track ids as numbers that differ between videos: ``(P,)`` int64 from 0."""
    ids = np.stack([frames.sequence[table.frame], table.track], axis=1)
    return np.unique(ids, axis=0, return_inverse=True)[1].reshape(-1)


def _per_sequence(valid: np.ndarray, sequence: np.ndarray, num_seq: int) -> np.ndarray:
    """Count flags ``(P, 15)`` by the sequence of their row: ``(S, 15)``."""
    row, joint = np.nonzero(valid)
    return _scatter(sequence[row], joint, np.ones(len(row), dtype=np.int64), num_seq)


def _scatter(sequence: np.ndarray, joint: np.ndarray, weight: np.ndarray, num_seq: int) -> np.ndarray:
    total = np.bincount(sequence * NUM_JOINTS + joint, weights=weight, minlength=num_seq * NUM_JOINTS)
    total = total.reshape(num_seq, NUM_JOINTS)
    return total if weight.dtype.kind == 'f' else total.astype(np.int64)


def mot_obstacle(frames: PoseTrackFrames, poseval_compat: bool = True) -> Tuple[str, ...]:
    """Say why MOTA cannot be computed, in sentences; empty if it can."""
    reasons = []
    for what, table in (('ground truth', frames.gt), ('prediction', frames.pred)):
        lacking = np.flatnonzero(~table.tracked)
        if len(lacking):
            video = frames.names[frames.sequence[table.frame[lacking[0]]]]
            reasons.append(f'{len(lacking)} people of the {what} have no track_id (the first in {video}); '
                           'MOTA needs one for each person.')
    if poseval_compat:
        length = np.bincount(frames.sequence, minlength=len(frames.names))
        single = [frames.names[s] for s in np.flatnonzero(length == 1)]
        if single:
            reasons.append(
                f'{len(single)} of {len(frames.names)} videos have a single annotated frame (the first '
                f'{single[0]}), of which the public evaluator leaves out the last one; MOTA needs two.')
    return tuple(reasons)
