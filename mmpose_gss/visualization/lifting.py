"""Draw 3D poses: a turning view beside a video's frames, with OpenCV.

Shapes: H, W size of a frame; frames are ``(H,W,3)`` uint8, BGR. J = 17 joints of Human3.6M.
"""
from __future__ import annotations

import colorsys
from pathlib import Path
from typing import Dict, List, Protocol, Sequence, Tuple, Union

import cv2
import numpy as np

from mmpose_gss.errors import UserError
from mmpose_gss.structures.skeletons import H36M
from mmpose_gss.visualization.skeleton import Colour, SkeletonStyle, draw_skeleton

_BONES = H36M.link_indices
_BACKGROUND, _GRID, _JOINT = (250, 250, 250), (215, 215, 215), (60, 60, 60)

#: Track number and joints ``(17,3)``.
NumberedPose = Tuple[int, np.ndarray]


class PoseTrack3D(Protocol):
    """What is drawn of a track; see :class:`mmpose_gss.apis.lifting.LiftedTrack`.

    Attributes:
        track_id (int): The person.
        frames (ndarray): ``(T,)`` frame numbers.
        keypoints_3d (ndarray): ``(T,17,3)`` in m.
    """
    track_id: int
    frames: np.ndarray
    keypoints_3d: np.ndarray


def track_colour(track_id: int) -> Colour:
    """Return a colour (BGR) for a person, far from those of the neighbouring numbers."""
    red, green, blue = colorsys.hsv_to_rgb((track_id * 0.61803) % 1.0, 0.75, 0.8)
    return int(blue * 255), int(green * 255), int(red * 255)


def view_matrix(azimuth: float, elevation: float = 15.0) -> np.ndarray:
    """Return the rotation ``(3,3)`` of camera axes about the vertical, then tilted; angles in degrees."""
    a, e = np.deg2rad([azimuth, elevation])
    turn = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    tilt = np.array([[1, 0, 0], [0, np.cos(e), -np.sin(e)], [0, np.sin(e), np.cos(e)]])
    return tilt @ turn


def draw_view(poses: Sequence[NumberedPose], size: Tuple[int, int], azimuth: float = 0.0,
              elevation: float = 15.0) -> np.ndarray:
    """Draw 3D poses on a floor, in parallel projection.

    Args:
        poses (Sequence[tuple[int, ndarray]]): Track numbers and joints ``(17,3)`` in m, camera axes, each
            relative to its root; people stand side by side in the given order.
        size (tuple[int, int]): Width and height of the picture.
        azimuth (float): Degrees that the scene is turned about the vertical.
        elevation (float): Degrees from above.

    Returns:
        ndarray: ``(height,width,3)`` uint8, BGR.
    """
    width, height = size
    picture = np.full((height, width, 3), _BACKGROUND, dtype=np.uint8)
    view = view_matrix(azimuth, elevation)
    spread = max(len(poses), 1)
    scale = min(width / (1.3 * spread + 0.7), height / 2.4)
    lowest = max((float(pose[:, 1].max()) for _, pose in poses), default=0.9)

    def project(points: np.ndarray) -> np.ndarray:
        turned = np.asarray(points, dtype=np.float64) @ view.T
        return np.round(turned[:, :2] * scale + [width / 2, height / 2]).astype(int)

    half = 0.65 * spread + 0.2
    for offset in np.linspace(-half, half, 7):
        for ends in ([[offset, lowest, -half], [offset, lowest, half]],
                     [[-half, lowest, offset], [half, lowest, offset]]):
            start, end = project(ends)
            cv2.line(picture, tuple(map(int, start)), tuple(map(int, end)), _GRID, 1, cv2.LINE_AA)
    for place, (track_id, pose) in enumerate(poses):
        shifted = np.asarray(pose, dtype=np.float64) + [1.3 * (place - (spread - 1) / 2), 0, 0]
        depth = (shifted @ view.T)[:, 2]
        draw_skeleton(picture, project(shifted), _nearest_last(track_colour(track_id), depth))
    return picture


def _nearest_last(colour: Colour, depth: np.ndarray) -> SkeletonStyle:
    """Style of a person: bones from far to near by the joints' depth ``(17,)``, the right side darker."""
    bones = sorted(_BONES, key=lambda bone: -(depth[bone[0]] + depth[bone[1]]))
    dark = tuple(int(0.55 * channel) for channel in colour)
    shades = tuple(dark if H36M.names[b].startswith('right') else colour for _, b in bones)
    return SkeletonStyle(tuple(bones), shades, (_JOINT, ) * H36M.num_joints, thickness=3)


def draw_side_by_side(frame: np.ndarray, poses: Sequence[NumberedPose], azimuth: float = 0.0) -> np.ndarray:
    """Put the 3D view to the right of a frame, as high as the frame and as wide as high.

    Args:
        frame (ndarray): ``(H,W,3)`` uint8, BGR, the 2D poses already drawn.
        poses (Sequence[tuple[int, ndarray]]): As for :func:`draw_view`.
        azimuth (float): Degrees that the view is turned.

    Returns:
        ndarray: ``(H,W+H,3)`` uint8, BGR.
    """
    height = frame.shape[0]
    return np.concatenate([frame, draw_view(poses, (height, height), azimuth)], axis=1)


def render_video(overlay: Union[str, Path], target: Union[str, Path], tracks: Sequence[PoseTrack3D],
                 fps: float, degrees_per_second: float = 30.0) -> int:
    """Read a video with 2D poses drawn and write it with the turning 3D view beside it.

    Args:
        overlay (str | Path): The video.
        target (str | Path): The file to write; ``.mp4``, another one than ``overlay``.
        tracks (Sequence[LiftedTrack]): The tracks.
        fps (float): Frames per second.
        degrees_per_second (float): How fast the view turns.

    Returns:
        int: Frames written.

    Raises:
        UserError: If the video cannot be read or written, or both are one file.
    """
    if Path(overlay).resolve() == Path(target).resolve():
        raise UserError(f'{target} cannot be read and written at the same time; give another target')
    at: Dict[int, List[NumberedPose]] = {}
    for track in tracks:
        for frame, pose in zip(track.frames.tolist(), track.keypoints_3d):
            at.setdefault(frame, []).append((track.track_id, pose))
    reader, writer, count = cv2.VideoCapture(str(overlay)), None, 0
    try:
        while True:
            good, frame = reader.read()
            if not good:
                break
            picture = draw_side_by_side(frame, at.get(count, []), degrees_per_second * count / fps)
            picture = picture[:, :picture.shape[1] // 2 * 2]  # codecs want even sizes
            if writer is None:
                writer = cv2.VideoWriter(
                    str(target), cv2.VideoWriter_fourcc(*'mp4v'), fps, (picture.shape[1], picture.shape[0]))
                if not writer.isOpened():
                    raise UserError(f'cannot write a video at {target}')
            writer.write(picture)
            count += 1
    finally:
        reader.release()
        if writer is not None:
            writer.release()
    if not count:
        raise UserError(f'cannot read frames of {overlay}')
    return count
