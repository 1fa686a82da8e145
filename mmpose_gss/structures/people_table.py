"""People of videos as flat arrays: what files are read into, metrics are computed from, and files written of.

Shapes: F frames, P people of all frames, K joints.
"""
from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from typing import List, Optional, Sequence, Tuple

import numpy as np

from mmpose_gss.errors import UserError

_COLUMNS = ('frame', 'xy', 'valid', 'score', 'track', 'tracked', 'head', 'person_score', 'has_points')


@dataclass
class PeopleTable:
    """People, one row each.

    Attributes:
        joints: names of the K joints.
        frame: index of the person's frame, ``(P,)`` int64.
        xy: joints in pixels, ``(P, K, 2)`` float64.
        valid: the joint is there, ``(P, K)`` bool.
        score: score of the joint, ``(P, K)`` float64.
        track: track id, valid where ``tracked``, ``(P,)`` int64.
        tracked: ``(P,)`` bool.
        head: head size in pixels, NaN where it is not known, ``(P,)`` float64.
        person_score: score of the person's box, NaN where it is not known, ``(P,)`` float64.
        has_points: the entry lists joints at all (entries of PoseTrack17 may not), ``(P,)`` bool.
    """
    joints: Tuple[str, ...]
    frame: np.ndarray
    xy: np.ndarray
    valid: np.ndarray
    score: np.ndarray
    track: np.ndarray
    tracked: np.ndarray
    head: np.ndarray
    person_score: np.ndarray
    has_points: np.ndarray

    def __len__(self) -> int:
        """Give the number of people."""
        return len(self.frame)

    @classmethod
    def blank(cls, joints: Sequence[str], count: int = 0) -> 'PeopleTable':
        """Make a table of people in frame 0 who have no joints, tracks, heads or scores."""
        shape = (count, len(joints))
        return cls(
            joints=tuple(joints), frame=np.zeros(count, dtype=np.int64), xy=np.zeros(shape + (2, )),
            valid=np.zeros(shape, dtype=bool), score=np.zeros(shape),
            track=np.full(count, -1, dtype=np.int64), tracked=np.zeros(count, dtype=bool),
            head=np.full(count, np.nan), person_score=np.full(count, np.nan),
            has_points=np.ones(count, dtype=bool))

    @classmethod
    def joined(cls, tables: Sequence['PeopleTable']) -> 'PeopleTable':
        """Put tables of the same joints one after another."""
        columns = {name: np.concatenate([getattr(table, name) for table in tables]) for name in _COLUMNS}
        return cls(joints=tables[0].joints, **columns)

    def rows(self, index: np.ndarray) -> 'PeopleTable':
        """Choose people by a mask or indices."""
        return replace(self, **{name: getattr(self, name)[index] for name in _COLUMNS})

    def with_joints(self, joints: Sequence[str]) -> 'PeopleTable':
        """Choose joints, in the order given.

        Raises:
            KeyError: If the table lacks one; its argument is the list of those.
        """
        missing = [name for name in joints if name not in self.joints]
        if missing:
            raise KeyError(missing)
        place = np.array([self.joints.index(name) for name in joints])
        return replace(self, joints=tuple(joints), xy=self.xy[:, place], valid=self.valid[:, place],
                       score=self.score[:, place])


@dataclass
class PeopleVideo:
    """Frames of a video and the people in them, in the order of the file.

    Attributes:
        name: name of the video; pairs predictions with ground truth.
        source: where it comes from, for messages.
        keys: F frame ids.
        file_names: names of the F images, None where the file has none.
        regions: per frame the list of ignore regions, ``(V, 2)`` float64 each, or None if it has none.
        people: the people; ``people.frame`` counts frames of this video.
        first_number: number of the first image: 0 in PoseTrack18, 1 in PoseTrack17.
        identified: ``keys`` are ids of images, not just numbers within the video.
        notes: sentences about what is odd but can be evaluated.
    """
    name: str
    source: str
    keys: List[int]
    file_names: List[Optional[str]]
    regions: List[Optional[List[np.ndarray]]]
    people: PeopleTable
    first_number: int = 0
    identified: bool = True
    notes: Tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.numbers: List[Optional[int]] = [frame_number(name) for name in self.file_names]

    @property
    def num_frames(self) -> int:
        """Number of frames, with or without people."""
        return len(self.keys)

    @property
    def folder(self) -> str:
        """Name of the folder that its images lie in, empty if the file does not say."""
        named = next((name for name in self.file_names if name), '')
        return os.path.basename(os.path.dirname(named))

    def image_name(self, frame: int) -> str:
        """Path of the image of a frame, made up after PoseTrack18's fashion if the file has none."""
        named = self.file_names[frame]
        return named or f'images/{self.folder or self.name}/{self.first_number + frame:06d}.jpg'

    def check(self) -> None:
        """Check that coordinates, scores and track ids can be used.

        Raises:
            UserError: If a coordinate or score is not finite, or a track id stands twice in a frame.
        """
        people = self.people
        self._check_finite(people.valid & ~np.isfinite(people.xy).all(axis=-1), 'keypoints with a NaN or '
                           'infinite coordinate', 'write an absent joint as 0, 0, 0 instead')
        self._check_finite(people.valid & ~np.isfinite(people.score), 'a NaN or infinite value in "scores"',
                           'give every joint a finite score')
        ids = np.stack([people.frame[people.tracked], people.track[people.tracked]], axis=1)
        unique, count = np.unique(ids, axis=0, return_counts=True)
        if (count > 1).any():
            frame, track = unique[np.argmax(count > 1)]
            raise UserError(
                f'{self.source}: frame {self.keys[frame]} has track_id {track} more than once '
                f'({int((count > 1).sum())} such duplicates in the file); a track id may stand only once in '
                'a frame.')

    def _check_finite(self, bad: np.ndarray, what: str, remedy: str) -> None:
        if bad.any():
            person = int(np.flatnonzero(bad.any(axis=1))[0])
            raise UserError(f'{self.source}: frame {self.keys[self.people.frame[person]]} has {what} '
                            f'({int(bad.sum())} in the file); {remedy}.')


def frame_number(file_name: Optional[str]) -> Optional[int]:
    """Give the number at the beginning of an image's name (``000017.jpg``, ``00000017_crop.jpg``: 17)."""
    found = re.match(r'\d+', os.path.basename(file_name)) if isinstance(file_name, str) else None
    return int(found.group()) if found else None
