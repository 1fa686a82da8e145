"""Where the frames of a clip lie on disk, and which of them make a window."""
from __future__ import annotations

import os.path as osp
import re
from dataclasses import dataclass
from typing import List, Optional, Tuple

from mmpose_gss.errors import UserError
from mmpose_gss.structures.clip_window import ClipWindow

_TRAILING_NUMBER = re.compile(r'(\d+)\.\w+$')


@dataclass(frozen=True)
class FrameLayout:
    """How a data set names its frames.

    Args:
        frame_name (str): ``printf`` pattern of a frame's file name, e.g. ``'%06d.jpg'``.
        first_frame (int): Number of a clip's first frame.
        coordinate_shift (float): Added to annotated coordinates; -1 for Matlab's 1-based pixels.
    """

    frame_name: str
    first_frame: int
    coordinate_shift: float = 0.0


@dataclass(frozen=True)
class ClipFrames:
    """The frames of one clip, by position 0 … ``count - 1`` in time order.

    Args:
        folder (str): Folder of the frames.
        count (int): Number of frames.
        layout (FrameLayout): How the frames are named.
        names (tuple[str], optional): The frames' file names, for clips whose numbers have gaps. Without
            it the names follow from the layout.
    """

    folder: str
    count: int
    layout: FrameLayout
    names: Optional[Tuple[str, ...]] = None

    def path(self, position: int) -> str:
        """Give the path of the frame at a position."""
        name = self.names[position] if self.names else self.layout.frame_name % (
            self.layout.first_frame + position)
        return osp.join(self.folder, name)

    def window(self, position: int, window: ClipWindow) -> List[str]:
        """List the paths of the frames of a window around a position."""
        return [self.path(place) for place in window.positions(position, self.count)]

    def position_of(self, name: str) -> int:
        """Find the position of a frame given by file name.

        Raises:
            UserError: If the clip has no such frame.
        """
        if self.names is not None:
            if name in self.names:
                return self.names.index(name)
        else:
            position = frame_number(name) - self.layout.first_frame
            if 0 <= position < self.count:
                return position
        raise UserError(f'frame "{name}" is outside its clip of {self.count} frames')


def frame_number(name: str) -> int:
    """Give the number at the end of a frame's file name.

    Raises:
        UserError: If there is none.
    """
    match = _TRAILING_NUMBER.search(name)
    if match is None:
        raise UserError(f'file name "{name}" does not end in a frame number')
    return int(match.group(1))
