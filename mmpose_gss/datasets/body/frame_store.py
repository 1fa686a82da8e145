"""Frames of videos as image files, decoded once.

A window is read frame by frame and in any order, which a video file does badly; so the frames that windows
need are written as PNG files, and a small JSON beside them says of which file they are.
"""
from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Set, Tuple

import cv2
import numpy as np

from mmpose_gss.errors import UserError
from mmpose_gss.structures.clip_frames import ClipFrames, FrameLayout

LAYOUT = FrameLayout('%06d.png', 0)
IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp')


@dataclass(frozen=True)
class StoredClip:
    """A video whose needed frames are on disk.

    Attributes:
        frames (ClipFrames): Its frames; only the needed ones exist.
        size (tuple[int, int]): Width and height.
    """
    frames: ClipFrames
    size: Tuple[int, int]


class FrameStore:
    """A folder of decoded frames.

    Args:
        folder (str): Where frames are kept, created when needed.
    """

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder).resolve()

    def prepare(self, video: str, keys: Dict[int, str], reach: int) -> StoredClip:
        """Have the frames around key frames on disk.

        Frames are counted by decoding: the number in a container's header is often wrong.

        Args:
            video (str): A video file or a folder of images, which count in the order of their names.
            keys (dict[int, str]): Key frame -> where it is listed, for messages.
            reach (int): Frames before and after a key frame that are needed, too.

        Returns:
            StoredClip: The clip. Its count is the video's, or ends where nothing more is needed.

        Raises:
            UserError: If the video cannot be decoded, has no such key frame, or the folder cannot be written.
        """
        source = Path(video)
        name = hashlib.sha1(str(source.resolve()).encode()).hexdigest()[:10]
        folder = self.folder / f'{source.stem}-{name}'
        wanted = {p for key in keys for p in range(max(0, key - reach), key + reach + 1)}
        stamp = [os.stat(video).st_size, os.stat(video).st_mtime_ns]
        state = self._state(folder, stamp)
        missing = {p for p in wanted if p < state['end']} - set(state['kept'])
        if missing or (max(wanted) >= state['end'] and not state['whole']):
            state = self._decode(source, folder, wanted | set(state['kept']), stamp)
        for key, where in sorted(keys.items()):
            if key >= state['end']:
                raise UserError(f'{where}: {video} has {state["end"]} frames when decoded, so there is no '
                                f'frame {key}; frames count from 0')
        return StoredClip(ClipFrames(str(folder), state['end'], LAYOUT), (state['size'][0], state['size'][1]))

    @staticmethod
    def _state(folder: Path, stamp: List[int]) -> dict:
        """What is known of a video: its stamp, frames kept, frames known to exist, whether that is all."""
        empty = dict(stamp=stamp, kept=[], end=0, whole=False, size=[0, 0])
        try:
            state = json.loads((folder / 'frames.json').read_text())
        except (OSError, ValueError):
            return empty
        same = isinstance(state, dict) and set(state) == set(empty) and state['stamp'] == stamp
        if not same or not all((folder / (LAYOUT.frame_name % p)).is_file() for p in state['kept']):
            return empty
        return state

    def _decode(self, source: Path, folder: Path, wanted: Set[int], stamp: List[int]) -> dict:
        last, kept, end, size = max(wanted), [], 0, (0, 0)
        whole = True
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for frame in decoded_frames(source):
                size = size if end else (frame.shape[1], frame.shape[0])
                if end in wanted:
                    path = folder / (LAYOUT.frame_name % end)
                    done, data = cv2.imencode('.png', frame)
                    assert done
                    partial = path.with_suffix(f'.part{os.getpid()}')
                    partial.write_bytes(data.tobytes())
                    os.replace(partial, path)
                    kept.append(end)
                end += 1
                if end > last:
                    whole = False
                    break
            state = dict(stamp=stamp, kept=kept, end=end, whole=whole, size=list(size))
            partial = folder / f'frames.part{os.getpid()}'
            partial.write_text(json.dumps(state))
            os.replace(partial, folder / 'frames.json')
        except OSError as error:
            raise UserError(f'frames cannot be written to {folder} ({error.strerror}); name another folder '
                            'with frame_cache') from error
        return state


def decoded_frames(source: Path) -> Iterator[np.ndarray]:
    """Frames ``(H,W,3)`` uint8 BGR of a video file or a folder of images, in order.

    Raises:
        UserError: If there is none that can be decoded.
    """
    frames: Iterable[np.ndarray] = _images(source) if source.is_dir() else _video(source)
    some = False
    for frame in frames:
        some = True
        yield frame
    if not some:
        if source.is_dir():
            raise UserError(f'{source} holds no image ({", ".join(IMAGE_SUFFIXES)}); copy the frames there')
        raise UserError(f'{source} cannot be decoded: it is damaged or its codec is unknown; convert it, for '
                        'example with ffmpeg, to H.264 in an mp4 file')


def _images(folder: Path) -> Iterator[np.ndarray]:
    for path in sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES):
        image = cv2.imread(str(path))
        if image is None:
            raise UserError(f'{path} is not a readable image; replace it')
        yield image


def _video(path: Path) -> Iterator[np.ndarray]:
    capture = cv2.VideoCapture(str(path))
    try:
        while True:
            good, frame = capture.read()
            if not good:
                return
            yield frame
    finally:
        capture.release()
