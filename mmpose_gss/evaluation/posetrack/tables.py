"""One video's people as flat arrays, and the pairing of its frames with those of a prediction.

Shape legend: F frames, P people of all frames, 15 joints in the order of ``POSETRACK17_JOINTS``.
"""
import warnings
from dataclasses import dataclass, replace
from typing import List, Optional, Tuple

import numpy as np

from mmpose_gss.evaluation.posetrack.joints import NUM_JOINTS

# What the public evaluator gives a joint without a score (poseval/eval_helpers.py, MIN_SCORE).
MISSING_SCORE = -9999.0


class PoseTrackFileError(ValueError):
    """A ground-truth or prediction file that cannot be evaluated; the message is one sentence."""


@dataclass
class PoseTrackVideo:
    """People of one video, in the order of the file.

    Attributes:
        name: name of the video; pairs predictions with ground truth.
        source: where it comes from, for messages.
        keys: F frame ids.
        numbers: F frame numbers from the image names; None where an image name has none.
        regions: per frame the list of ignore regions ((V, 2) float64), or None if the frame has none.
        frame: (P,) int64, index of the person's frame in ``keys``.
        xy: (P, 15, 2) float64, pixels.
        valid: (P, 15) bool, the joint is there.
        score: (P, 15) float64.
        track: (P,) int64, valid where ``tracked``.
        tracked: (P,) bool.
        head: (P,) float64, head size in pixels, 0.6 of the diagonal of the head box; NaN if there is none.
        folder: name of the folder its images lie in, if the file says.
        image_name: pattern of its images' names; the number of the first image is ``first_number``.
        first_number: 0 in PoseTrack18, 1 in PoseTrack17.
        identified: ``keys`` are ids of images, not just numbers within the video.
        notes: sentences about what is odd but can be evaluated; warned about when frames are paired.
        has_points: (P,) bool, the entry has a list of joints at all (PoseTrack17 entries may lack it).
    """
    name: str
    source: str
    keys: List[int]
    numbers: List[Optional[int]]
    regions: List[Optional[list]]
    frame: np.ndarray
    xy: np.ndarray
    valid: np.ndarray
    score: np.ndarray
    track: np.ndarray
    tracked: np.ndarray
    head: np.ndarray
    folder: str = ''
    image_name: str = '%06d.jpg'
    first_number: int = 0
    identified: bool = True
    notes: Tuple[str, ...] = ()
    has_points: Optional[np.ndarray] = None

    def __post_init__(self):
        if self.has_points is None:
            self.has_points = np.ones(len(self.frame), dtype=bool)

    @property
    def num_frames(self) -> int:
        """Number of frames, annotated or not."""
        return len(self.keys)

    def file_name(self, frame: int) -> str:
        """Name of the image of a frame."""
        number = self.numbers[frame]
        return self.image_name % (self.first_number + frame if number is None else number)

    def people(self, index: np.ndarray) -> 'PoseTrackVideo':
        """The same video with only some of its people (a mask or indices)."""
        return replace(
            self, frame=self.frame[index], xy=self.xy[index], valid=self.valid[index],
            score=self.score[index], track=self.track[index], tracked=self.tracked[index],
            head=self.head[index], has_points=self.has_points[index])

    def check(self) -> None:
        """Raise ``PoseTrackFileError`` for coordinates, scores or track ids that cannot be used."""
        bad = self.valid & ~np.isfinite(self.xy).all(axis=-1)
        if bad.any():
            person = int(np.flatnonzero(bad.any(axis=1))[0])
            raise PoseTrackFileError(
                f'{self.source}: frame {self.keys[self.frame[person]]} has keypoints with a NaN or infinite '
                f'coordinate ({int(bad.sum())} in the file); write an absent joint as 0, 0, 0 instead.')
        bad = self.valid & ~np.isfinite(self.score)
        if bad.any():
            person = int(np.flatnonzero(bad.any(axis=1))[0])
            raise PoseTrackFileError(
                f'{self.source}: frame {self.keys[self.frame[person]]} has a NaN or infinite value in '
                f'"scores" ({int(bad.sum())} in the file); give every joint a finite score.')
        ids = np.stack([self.frame[self.tracked], self.track[self.tracked]], axis=1)
        unique, count = np.unique(ids, axis=0, return_counts=True)
        if (count > 1).any():
            frame, track = unique[np.argmax(count > 1)]
            raise PoseTrackFileError(
                f'{self.source}: frame {self.keys[frame]} has track_id {track} more than once '
                f'({int((count > 1).sum())} such duplicates in the file); a track id may stand only once in '
                'a frame.')


def empty_video(name: str, source: str, like: PoseTrackVideo) -> PoseTrackVideo:
    """A prediction of the same frames in which nobody was found."""
    return PoseTrackVideo(
        name=name, source=source, keys=list(like.keys), numbers=list(like.numbers),
        regions=[None] * like.num_frames, frame=np.zeros(0, dtype=np.int64),
        xy=np.zeros((0, NUM_JOINTS, 2)), valid=np.zeros((0, NUM_JOINTS), dtype=bool),
        score=np.zeros((0, NUM_JOINTS)), track=np.zeros(0, dtype=np.int64), tracked=np.zeros(0, dtype=bool),
        head=np.zeros(0))


def _common_keys(gt: PoseTrackVideo, pred: PoseTrackVideo) -> tuple:
    """The keys by which frames pair: ids, else numbers in image names, else those counted from the first."""
    choices = [(gt.keys, pred.keys)]
    if None not in gt.numbers and None not in pred.numbers:
        choices.append((gt.numbers, pred.numbers))
        choices.append(tuple([n - video.first_number for n in video.numbers] for video in (gt, pred)))
    return next((keys for keys in choices if set(keys[1]) <= set(keys[0])), choices[0])


def pair_frames(gt: PoseTrackVideo, pred: PoseTrackVideo, fill_missing: bool = False) -> PoseTrackVideo:
    """Bring the frames of a prediction into the order of the ground truth.

    Frames are paired by frame id, or by the number in the image name where the ids of the two files have
    nothing to do with each other. The public evaluator pairs by position in the list; where that would
    pair differently there is a warning.

    Args:
        gt: ground truth of the video.
        pred: prediction.
        fill_missing: a frame that the prediction lacks counts as a frame without people; otherwise it is
            an error.

    Returns:
        PoseTrackVideo: ``pred`` with the ids and frame indices of ``gt``.

    Raises:
        PoseTrackFileError: the numbers of frames differ or frames cannot be paired.
    """
    if pred.num_frames != gt.num_frames and not fill_missing:
        raise PoseTrackFileError(
            f'{pred.source}: {pred.num_frames} frames in "images", but {gt.num_frames} in the ground truth '
            f'{gt.source}; list every frame of the video, also those in which nobody was found.')
    gt_keys, pred_keys = _common_keys(gt, pred)
    place = {key: i for i, key in enumerate(gt_keys)}
    unknown = [key for key in pred_keys if key not in place]
    if unknown:
        raise PoseTrackFileError(
            f'{pred.source}: frame id {unknown[0]} is not in the ground truth {gt.source} ({len(unknown)} '
            'such frames); give "images" the ids or the file names of the ground truth.')
    for source, keys in ((gt.source, gt_keys), (pred.source, pred_keys)):
        if len(set(keys)) != len(keys):
            double = next(key for i, key in enumerate(keys) if key in keys[:i])
            raise PoseTrackFileError(
                f'{source}: frame id {double} stands more than once in "images"; list every frame once.')
    for note in gt.notes + pred.notes:
        warnings.warn(note, stacklevel=2)
    target = np.array([place[key] for key in pred_keys], dtype=np.int64)
    if len(target) > 1 and (np.diff(target) < 0).any():
        warnings.warn(
            f'{pred.source}: its frames are listed in another order than in {gt.source}; they were paired by '
            'frame id, where the public evaluator would pair them by position.', stacklevel=2)
    frame = target[pred.frame] if len(pred.frame) else pred.frame
    order = np.argsort(frame, kind='stable')         # people of a frame stay in file order
    paired = replace(pred, keys=list(gt.keys), numbers=list(gt.numbers), regions=[None] * gt.num_frames,
                     frame=frame)
    return paired.people(order)
