"""A video's frames with a turning 3D view beside them, drawn with OpenCV.

Shapes: H, W size of a frame; frames are ``(H,W,3)`` uint8, BGR. J = 17 joints of Human3.6M.
"""
import colorsys
from pathlib import Path

import cv2
import numpy as np

from mmpose_gss.structures.skeletons import H36M

_BONES = H36M.link_indices
_BACKGROUND, _GRID = (250, 250, 250), (215, 215, 215)


def track_colour(track_id):
    """A colour (BGR) for a person, far from those of the neighbouring numbers."""
    red, green, blue = colorsys.hsv_to_rgb((track_id * 0.61803) % 1.0, 0.75, 0.8)
    return int(blue * 255), int(green * 255), int(red * 255)


def view_matrix(azimuth, elevation=15.0):
    """Rotation ``(3,3)`` of camera axes: by the azimuth about the vertical, then tilted; in degrees."""
    a, e = np.deg2rad([azimuth, elevation])
    turn = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    tilt = np.array([[1, 0, 0], [0, np.cos(e), -np.sin(e)], [0, np.sin(e), np.cos(e)]])
    return tilt @ turn


def draw_view(poses, size, azimuth=0.0, elevation=15.0):
    """Draws 3D poses on a floor, in parallel projection.

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

    def project(points):
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
        points = project(shifted)
        colour = track_colour(track_id)
        for a, b in sorted(_BONES, key=lambda bone: -(depth[bone[0]] + depth[bone[1]])):  # the nearest last
            right = H36M.names[b].startswith('right')
            shade = tuple(int(c * (0.55 if right else 1.0)) for c in colour)
            cv2.line(picture, tuple(map(int, points[a])), tuple(map(int, points[b])), shade, 3, cv2.LINE_AA)
        for point in points:
            cv2.circle(picture, tuple(map(int, point)), 3, (60, 60, 60), -1, cv2.LINE_AA)
    return picture


def draw_side_by_side(frame, poses, azimuth=0.0):
    """Puts the 3D view to the right of a frame, as high as the frame and as wide as high.

    Args:
        frame (ndarray): ``(H,W,3)`` uint8, BGR, the 2D poses already drawn.
        poses (Sequence[tuple[int, ndarray]]): As for :func:`draw_view`.
        azimuth (float): Degrees that the view is turned.

    Returns:
        ndarray: ``(H,W+H,3)`` uint8, BGR.
    """
    height = frame.shape[0]
    return np.concatenate([frame, draw_view(poses, (height, height), azimuth)], axis=1)


def render_video(overlay, target, tracks, fps, degrees_per_second=30.0):
    """Reads a video with 2D poses drawn and writes it with the turning 3D view beside it.

    Args:
        overlay (str | Path): The video.
        target (str | Path): The file to write; ``.mp4``, another one than ``overlay``.
        tracks (Sequence[LiftedTrack]): The tracks.
        fps (float): Frames per second.
        degrees_per_second (float): How fast the view turns.

    Returns:
        int: Frames written.

    Raises:
        ValueError: If the video cannot be read or written, or both are one file.
    """
    if Path(overlay).resolve() == Path(target).resolve():
        raise ValueError(f'{target} cannot be read and written at the same time; give another target')
    at = {}
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
                    raise ValueError(f'cannot write a video at {target}')
            writer.write(picture)
            count += 1
    finally:
        reader.release()
        if writer is not None:
            writer.release()
    if not count:
        raise ValueError(f'cannot read frames of {overlay}')
    return count
