"""Windows of views as batches.

Shapes: B windows, T frames of a window, J joints, M frames of all views laid end to end.
"""
from typing import List, Sequence, Tuple

import numpy as np
import torch
from torch import Tensor

from .views import View


class Windows:
    """All windows of T frames of a set of views, cut when they are asked for.

    The first and last frames of a view are repeated, so that every frame can be the middle of a window.
    Tracks are relative to the root of the window's middle frame, poses to their own root.

    Args:
        views (Sequence[View]): The views.
        frames (int): T, odd.
        stride (int): Frames between windows. 1 centres one on every frame; with more, windows lie inside the
            view and the last one ends with it (a view shorter than T has one window, with repeated frames).
        root (int): The joint that is subtracted.
    """

    def __init__(self, views: Sequence[View], frames: int, stride: int, root: int) -> None:
        self.frames, self.root, half = frames, root, frames // 2
        tracks, joints, starts = [], [], []
        self.view_rows: List[Tuple[int, int]] = []
        total = 0
        for view in views:
            length = len(view.joints)
            after = half + max(0, frames - length)
            tracks.append(_padded(view.track, half, after))
            joints.append(_padded(view.joints, half, after))
            if stride == 1:
                begin = np.arange(length)
            else:
                last = max(0, length - frames)
                begin = half + np.unique([*range(0, last, stride), last])
            starts.append(total + begin)
            self.view_rows.append((total + half, length))
            total += length + half + after
        self.tracks = torch.from_numpy(np.concatenate(tracks))
        joint_table = torch.from_numpy(np.concatenate(joints))
        self.joints = joint_table - joint_table[:, root:root + 1]
        self.starts = torch.from_numpy(np.concatenate(starts))

    def __len__(self) -> int:
        return len(self.starts)

    def rows(self, chosen: Tensor) -> Tensor:
        """Rows ``(B,T)`` of the tables that the chosen windows show."""
        return self.starts[chosen][:, None] + torch.arange(self.frames)

    def batch(self, chosen: Tensor) -> Tuple[Tensor, Tensor]:
        """Tracks ``(B,T,J,2)`` and poses ``(B,T,J,3)`` in metres of the chosen windows."""
        rows = self.rows(chosen)
        tracks = self.tracks[rows]
        middle = self.frames // 2
        return tracks - tracks[:, middle:middle + 1, self.root:self.root + 1], self.joints[rows]


def _padded(array: np.ndarray, before: int, after: int) -> np.ndarray:
    return np.pad(array, ((before, after), (0, 0), (0, 0)), mode='edge')


def mirrored(tracks: Tensor, poses: Tensor, flip: Sequence[int]) -> Tuple[Tensor, Tensor]:
    """Half of a batch, chosen at random, in a mirror: x negated, left and right exchanged."""
    chosen = torch.rand(len(tracks)) < 0.5
    tracks, poses = tracks.clone(), poses.clone()
    tracks[chosen] = tracks[chosen][:, :, list(flip)] * torch.tensor([-1.0, 1.0])
    poses[chosen] = poses[chosen][:, :, list(flip)] * torch.tensor([-1.0, 1.0, 1.0])
    return tracks, poses
