"""A window: which frames around a key frame are seen. The only home of its length, key index and clamping."""
from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

import numpy as np

from mmpose_gss.errors import UserError


@dataclass(frozen=True)
class ClipWindow:
    """The frames of a window relative to its key frame.

    Args:
        offsets (Sequence[int]): T offsets, in the order in which the frames are seen.
        key_index (int, optional): Position of the key frame among them. Defaults to that of the first 0, or
            to the middle where no offset is 0. An augmentation that repeats frames has to tell it.

    Raises:
        UserError: If there is no frame or ``key_index`` is outside the window.
    """

    offsets: Tuple[int, ...]
    key_index: Optional[int] = None

    def __post_init__(self) -> None:
        offsets = tuple(int(offset) for offset in self.offsets)
        if not offsets:
            raise UserError('a window needs at least one frame; give frame_offsets such as (-2, -1, 0, 1, 2)')
        key_index = self.key_index
        if key_index is None:
            key_index = offsets.index(0) if 0 in offsets else len(offsets) // 2
        if not 0 <= key_index < len(offsets):
            raise UserError(
                f'key_index {key_index} is outside the window of {len(offsets)} frames; the first is 0')
        object.__setattr__(self, 'offsets', offsets)
        object.__setattr__(self, 'key_index', int(key_index))

    @classmethod
    def centred(cls, num_frames: int) -> ClipWindow:
        """Neighbouring frames with the key frame in the middle."""
        return cls.around(num_frames // 2, num_frames)

    @classmethod
    def around(cls, key_index: int, num_frames: int) -> ClipWindow:
        """Neighbouring frames with the key frame at a position.

        Raises:
            UserError: If the position is outside the window.
        """
        return cls(tuple(range(-key_index, num_frames - key_index)), key_index)

    @classmethod
    def from_frame_offsets(cls, offsets: Sequence[int]) -> ClipWindow:
        """The window of a config's ``frame_offsets``.

        Args:
            offsets (Sequence[int]): Frames of the window relative to the key frame, in time order.

        Raises:
            UserError: If the number of frames is even, or the offsets do not increase or lack the 0.
        """
        offsets = tuple(int(offset) for offset in offsets)
        if len(offsets) % 2 == 0:
            raise UserError(
                f'frame_offsets={offsets} names {len(offsets)} frames, but a window needs an odd number, '
                'e.g. (-2, -1, 0, 1, 2).')
        if any(b <= a for a, b in zip(offsets, offsets[1:])):
            raise UserError(f'frame_offsets={offsets} must increase strictly, e.g. (-2, -1, 0, 1, 2).')
        if 0 not in offsets:
            raise UserError(
                f'frame_offsets={offsets} must contain 0, the key frame, e.g. (-2, -1, 0, 1, 2).')
        return cls(offsets)

    @property
    def num_frames(self) -> int:
        """int: T."""
        return len(self.offsets)

    def positions(self, key: int, count: int) -> List[int]:
        """Positions of the window's frames in a clip; beyond its ends the first or last frame is repeated.

        Args:
            key (int): Position of the key frame.
            count (int): Number of frames of the clip.
        """
        return [min(max(key + offset, 0), count - 1) for offset in self.offsets]

    def jittered(self, reach: int) -> ClipWindow:
        """Move each support frame by up to ``reach`` frames, on its side of the key frame and in time order.

        Args:
            reach (int): Largest move.

        Returns:
            ClipWindow: Offsets of the same signs, not decreasing; drawn with NumPy's global generator.
        """
        moved = []
        for offset in self.offsets:
            if offset:
                sign = 1 if offset > 0 else -1
                offset = sign * max(1, abs(offset) + int(np.random.randint(-reach, reach + 1)))
            moved.append(offset)
        return ClipWindow(tuple(sorted(moved)), self.key_index)
