"""Read the frames of a video file, a folder of images or a list of arrays, one after the other.

Shapes: H, W size of a frame; frames are ``(H,W,3)`` uint8, BGR.
"""
from __future__ import annotations

import os
from pathlib import Path
from typing import Iterator, List, Optional, Sequence, Tuple, Union

import cv2
import numpy as np
from mmengine.logging import MMLogger

from mmpose_gss.errors import UserError
from mmpose_gss.structures.image_file import check_image_is_whole, frame_files

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp')

# What a video says about how it is to be turned, in degrees.
_TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}

VideoSource = Union[str, Path, Sequence[np.ndarray]]


class VideoFrames:
    """Iterate over the frames of a source; know their rate and size.

    Args:
        source (str | Path | Sequence[ndarray]): A video file, a folder of images (sorted by name,
            numbers in names as numbers) or the frames themselves.
        default_fps (float): Frame rate where the source has none. Defaults to 25.

    Attributes:
        name (str): File stem for outputs.
        fps (float): Frames per second.
        size (tuple[int, int]): Width and height of the first frame.
        expected (int): Number of frames that the source claims to have.
        frame_names (list[str], optional): Paths of the frames, if the source is a folder of images.

    Raises:
        FileNotFoundError: If the source does not exist.
        UserError: If it holds no frame that can be read.
    """

    def __init__(self, source: VideoSource, default_fps: float = 25.0) -> None:
        self._frames: List = []
        self._capture = None
        self.frame_names: Optional[List[str]] = None
        self.fps = default_fps
        if isinstance(source, (str, Path)):
            path = Path(source)
            self.source = str(path)
            whole = Path(os.path.abspath(path))
            self.name = whole.name if path.is_dir() else whole.stem
            if path.is_dir():
                self._open_folder(path)
            elif path.is_file():
                self._open_file(path)
            else:
                hint = ' (cameras are not read)' if str(path).isdigit() else ''
                raise FileNotFoundError(
                    f'video {path} does not exist; give a video file or a folder of images{hint}')
        else:
            self.name, self.source = 'frames', 'the list of frames'
            self._open_arrays(source)

    def _open_folder(self, path: Path) -> None:
        self._frames = frame_files(path, IMAGE_SUFFIXES)
        if not self._frames:
            raise UserError(f'folder {path} holds no images ({", ".join(IMAGE_SUFFIXES)})')
        self.expected = len(self._frames)
        self.frame_names = [str(frame.absolute()) for frame in self._frames]
        self.size = _size(self._read_image(self._frames[0]))

    def _open_arrays(self, frames: Sequence[np.ndarray]) -> None:
        self._frames = list(frames)
        if not self._frames:
            raise UserError('the list of frames is empty; give at least one (H, W, 3) uint8 array')
        for index, frame in enumerate(self._frames):
            if not isinstance(frame, np.ndarray) or frame.ndim != 3 or frame.shape[2] != 3 \
                    or frame.dtype != np.uint8:
                is_array = isinstance(frame, np.ndarray)
                found = f'{frame.dtype} {frame.shape}' if is_array else type(frame).__name__
                raise UserError(f'frame {index} is {found}; give (H, W, 3) uint8 arrays in BGR order')
        self.expected = len(self._frames)
        self.size = _size(self._frames[0])

    def _open_file(self, path: Path) -> None:
        self._capture = cv2.VideoCapture(str(path))
        if not self._capture.isOpened():
            raise UserError(
                f'video {path} cannot be opened; it is no video, is damaged, or its codec is unknown to '
                'OpenCV: convert it, e.g. with ffmpeg -i IN -c:v libx264 OUT.mp4')
        self._capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)       # builds of OpenCV differ in its default
        self._turn = _TURNS.get(int(self._capture.get(cv2.CAP_PROP_ORIENTATION_META)))
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = fps if np.isfinite(fps) and 0 < fps < 1000 else self.fps
        self.expected = max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))
        good, first = self._capture.read()
        if not good:
            raise UserError(f'video {path} has no frame that can be decoded; it is empty or damaged')
        self._first = self._upright(first)
        self.size = _size(self._first)

    def _upright(self, frame: np.ndarray) -> np.ndarray:
        """Turn a frame as the video says that it is to be shown (phones record sideways)."""
        return frame if self._turn is None else cv2.rotate(frame, self._turn)

    @staticmethod
    def _read_image(path: Path) -> np.ndarray:
        data = path.read_bytes()
        check_image_is_whole(data, str(path))
        try:
            image = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR)
        except cv2.error:               # e.g. a header that claims too many pixels
            image = None
        if image is None:
            raise UserError(f'image {path} cannot be decoded; it is damaged, replace or remove it')
        return image

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield every frame.

        Raises:
            UserError: If a frame cannot be read, or has another size than the first.
        """
        for index, frame in enumerate(self._decoded()):
            if _size(frame) != self.size:
                name = self.frame_names[index] if self.frame_names else f'{self.source}, frame {index}'
                raise UserError(
                    f'{name} has {frame.shape[1]}x{frame.shape[0]} pixels, but the first frame '
                    f'{self.size[0]}x{self.size[1]}; bring all frames of a video to one size.')
            yield frame

    def _decoded(self) -> Iterator[np.ndarray]:
        if self._capture is None:
            for item in self._frames:
                yield item if isinstance(item, np.ndarray) else self._read_image(item)
            return
        count, frame = 1, self._first
        while frame is not None:
            yield frame
            good, frame = self._capture.read()
            frame = self._upright(frame) if good else None
            count += good
        self._capture.release()
        if count < self.expected:
            MMLogger.get_current_instance().warning(
                f'{self.source} says it has {self.expected} frames, but {count} could be decoded; '
                'the rest of the file is damaged or its header is wrong')


def _size(frame: np.ndarray) -> Tuple[int, int]:
    return frame.shape[1], frame.shape[0]
