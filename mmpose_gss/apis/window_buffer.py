"""Keep the frames that coming windows need, and no more."""
from __future__ import annotations

from typing import List

import numpy as np

from mmpose_gss.structures.clip_window import ClipWindow


class WindowBuffer:
    """Keep the frames that windows around the coming key frames need, and no more.

    Args:
        window (ClipWindow): The window, in time order.
    """

    def __init__(self, window: ClipWindow) -> None:
        self._window = window
        self._first = 0
        self._frames: List[np.ndarray] = []

    @property
    def end(self) -> int:
        """int: Number of frames read so far."""
        return self._first + len(self._frames)

    def append(self, frame: np.ndarray) -> None:
        """Add the next frame."""
        self._frames.append(frame)

    def window(self, key: int) -> List[np.ndarray]:
        """Give the frames around ``key``, indices clamped to what has been read."""
        return [self._frames[position - self._first] for position in self._window.positions(key, self.end)]

    def forget(self, key: int) -> None:
        """Drop what no window of a key frame from ``key`` on needs."""
        drop = max(0, key + self._window.offsets[0] - self._first)
        del self._frames[:drop]
        self._first += drop
