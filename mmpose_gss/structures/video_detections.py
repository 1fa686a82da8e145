"""Which frames of one video the detections of a file belong to.

Files of detections cover whole data sets and name images by path or by global id, while a video has frames
from 0 on, with names (a folder of images) or without (a video file).

Shapes: N detections.
"""
from __future__ import annotations

import os
import re
from typing import Dict, List, Optional, Sequence

import numpy as np

from mmpose_gss.errors import UserError
from mmpose_gss.structures.detections import Detections, ImageIndex, tail
from mmpose_gss.structures.posetrack_format import FRAMES_PER_VIDEO, VIDEOS_PER_SOURCE

NOT_HERE = -1
# The smallest image id of PoseTrack18's form TSSSSSSFFFF.
_SMALLEST_POSETRACK_ID = VIDEOS_PER_SOURCE * FRAMES_PER_VIDEO
_POSETRACK_NAME = re.compile(r'^(\d{5,6})_')


def match_video(detections: Detections, video: str, num_frames: int,
                frame_names: Optional[Sequence[str]] = None) -> np.ndarray:
    """Find the frame of each detection.

    A file may cover many videos; those of this one are told by the folder in ``image_name``, or by the
    number in PoseTrack's image ids, being that of the video. Frames are told by the image's name, by the
    number in it, or by the id: PoseTrack18's ``TSSSSSSFFFF``, numbers from 0, numbers up to that of the
    frames, or consecutive ids of all frames.

    Args:
        detections (Detections): N detections.
        video (str): Name of the video, without ending.
        num_frames (int): Number of frames; 0 if it is not known.
        frame_names (Sequence[str], optional): Paths of the frames, if it is a folder of images.

    Returns:
        ndarray: Index of the frame in the video, -1 for detections in other videos, ``(N,)`` int64.

    Raises:
        UserError: If there are detections, but none in this video; the message says why.
    """
    if not len(detections):
        return np.zeros(0, dtype=np.int64)
    places = np.full(len(detections), NOT_HERE, dtype=np.int64)
    if frame_names is not None:
        places = ImageIndex(frame_names).match(detections)
    if (places < 0).all():
        named = [name is not None for name in detections.names]
        if all(named):
            places = _by_number_in_name(detections, video, num_frames, frame_names)
        elif not any(named):
            places = _by_id(detections, video, num_frames, frame_names)
        else:
            raise _refusal(detections, video, 'some have an "image_name" and some have none')
    if num_frames:
        places[places >= num_frames] = NOT_HERE
    if (places < 0).all():
        raise _refusal(detections, video, f'their frames are not among its {num_frames}')
    return places


def _refusal(detections: Detections, video: str, why: str) -> UserError:
    return UserError(
        f'None of the {len(detections)} boxes of "{detections.source}" is in a frame of the video "{video}": '
        f'{why}; use the boxes of this video, or name its folder or file as the boxes do.')


def _chosen(groups: Dict[str, List[int]], key: str, video: str, detections: Detections,
            what: str) -> List[int]:
    """Choose the group of this video, or else the only one, unless the video's own name contradicts."""
    if key in groups:
        return groups[key]
    if len(groups) == 1 and not _POSETRACK_NAME.match(video):
        return next(iter(groups.values()))
    more = ', …' if len(groups) > 3 else ''
    raise _refusal(detections, video, f'{what} {", ".join(list(groups)[:3])}{more}')


def _by_number_in_name(detections: Detections, video: str, num_frames: int,
                       frame_names: Optional[Sequence[str]]) -> np.ndarray:
    groups: Dict[str, List[int]] = {}
    for i, name in enumerate(detections.names):
        groups.setdefault(tail(name)[0], []).append(i)
    mine = _chosen(groups, video, video, detections, 'their images are of')
    bases = [tail(detections.names[i])[1] for i in mine]
    places = np.full(len(detections), NOT_HERE, dtype=np.int64)
    if frame_names is not None:
        by_base = {os.path.basename(name): place for place, name in enumerate(frame_names)}
        places[mine] = [by_base.get(base, NOT_HERE) for base in bases]
        return places
    digits = [re.findall(r'\d+', os.path.splitext(base)[0]) for base in bases]
    if not all(digits):
        unnumbered = bases[digits.index([])]
        raise _refusal(detections, video, f'the image name "{unnumbered}" has no frame number')
    numbers = np.array([int(found[-1]) for found in digits], dtype=np.int64)
    ids = [detections.ids[i] for i in mine]
    places[mine] = numbers - _first_number(numbers, len(digits[0][-1]), ids, num_frames)
    return places


def _first_number(numbers: np.ndarray, width: int, ids: List[Optional[int]], num_frames: int) -> int:
    """Tell whether images are counted from 0 or from 1."""
    if (numbers == 0).any():
        return 0
    if all(key is not None and key >= _SMALLEST_POSETRACK_ID for key in ids):
        offsets = np.unique(numbers - np.array(ids) % FRAMES_PER_VIDEO)
        if len(offsets) == 1 and offsets[0] in (0, 1):
            return int(offsets[0])
    if num_frames and numbers.max() == num_frames:
        return 1
    return 1 if width in (5, 8) else 0  # Sub-JHMDB's and PoseTrack17's names; PoseTrack18's have 6


def _by_id(detections: Detections, video: str, num_frames: int,
           frame_names: Optional[Sequence[str]]) -> np.ndarray:
    ids = np.array(detections.ids, dtype=np.int64)
    if (ids < _SMALLEST_POSETRACK_ID).all():
        return _by_plain_id(ids, detections, video, num_frames)
    groups: Dict[str, List[int]] = {}
    for i, key in enumerate(ids.tolist()):
        groups.setdefault(str(key // FRAMES_PER_VIDEO % VIDEOS_PER_SOURCE), []).append(i)
    found = _POSETRACK_NAME.match(video)
    number = str(int(found.group(1))) if found else ''
    mine = _chosen(groups, number, video, detections, 'their image ids are of the videos with the numbers')
    places = np.full(len(detections), NOT_HERE, dtype=np.int64)
    places[mine] = ids[mine] % FRAMES_PER_VIDEO
    return places


def _by_plain_id(ids: np.ndarray, detections: Detections, video: str, num_frames: int) -> np.ndarray:
    if not num_frames or ids.max() < num_frames:
        return ids
    if ids.max() == num_frames and ids.min() >= 1:
        return ids - 1
    present = np.unique(ids)
    if len(present) == num_frames == present[-1] - present[0] + 1:
        return ids - present[0]
    raise _refusal(detections, video,
                   f'their ids go from {present[0]} to {present[-1]}, which tell no frame of its '
                   f'{num_frames} (without "image_name" they must count from 0 or be those of all frames)')
