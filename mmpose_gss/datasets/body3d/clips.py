"""Cutting videos into clips of a fixed number of frames, as MotionBERT and PoseMamba do.

Shapes: N frames of all videos one after another, T frames of a clip.
"""
from __future__ import annotations

from typing import List, Optional, Sequence, Tuple

import numpy as np

from mmpose_gss.errors import UserError


def split_clips(videos: Sequence, length: int, stride: int, keep_tail: bool = False,
                rng: Optional[np.random.Generator] = None) -> List[np.ndarray]:
    """Cut videos into clips.

    A video of at least ``length`` frames gives a clip every ``stride`` frames; a shorter one gives one clip,
    stretched by repeating frames. (``split_clips`` of MotionBERT's ``lib/utils/utils_data.py``, except that a
    short last video is not lost.)

    Args:
        videos (Sequence): Per frame the video it belongs to; frames of a video are neighbours.
        length (int): T.
        stride (int): Frames between the starts of clips.
        keep_tail (bool): Whether the frames after the last full clip get a clip that ends with the video.
            Defaults to False, as MotionBERT leaves them out.
        rng (numpy.random.Generator, optional): Stretches short videos at random (MotionBERT's way when
            training); evenly without it.

    Returns:
        list[ndarray]: Per clip its frame numbers, ``(T,)`` int64.

    Raises:
        UserError: If length or stride are not positive.
    """
    if length < 1 or stride < 1:
        raise UserError(f'clips need a length and a stride of at least 1 frame, got {length} and {stride}')
    clips = []
    for start, end in runs(videos):
        if end - start < length:
            clips.append(start + stretch(end - start, length, rng))
            continue
        starts = list(range(start, end - length + 1, stride))
        if keep_tail and starts[-1] + length < end:
            starts.append(end - length)
        clips.extend(np.arange(first, first + length) for first in starts)
    return clips


def runs(videos: Sequence) -> List[Tuple[int, int]]:
    """Find the runs of equal neighbours, as ``(start, end)`` pairs."""
    videos = np.asarray(videos)
    if len(videos) == 0:
        return []
    cuts = np.flatnonzero(videos[1:] != videos[:-1]) + 1
    return list(zip([0, *cuts.tolist()], [*cuts.tolist(), len(videos)]))


def stretch(frames: int, length: int, rng: Optional[np.random.Generator] = None) -> np.ndarray:
    """Pick ``length`` of fewer frames in time order: evenly, or rounded up or down at random.

    Args:
        frames (int): Number of frames there are.
        length (int): Number of frames wanted.
        rng (numpy.random.Generator, optional): Source of chance.

    Returns:
        ndarray: In ``[0, frames)``, not decreasing, ``(length,)`` int64.
    """
    even = np.linspace(0, frames, num=length, endpoint=False)
    picked = np.floor(even)
    if rng is not None:
        picked = np.sort(np.where(rng.integers(0, 2, length) > 0, picked, np.ceil(even)))
    return np.clip(picked, 0, frames - 1).astype(np.int64)
