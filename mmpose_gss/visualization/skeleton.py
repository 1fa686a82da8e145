"""The one drawing of a skeleton, and people drawn with it. Needs NumPy and OpenCV only.

Shapes: K joints, N people; pictures are ``(H,W,3)`` uint8, BGR.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Optional, Sequence, Tuple

import cv2
import numpy as np

Colour = Tuple[int, int, int]

_BOX, _DEFAULT = (0, 200, 0), (0, 165, 255)


@dataclass(frozen=True)
class SkeletonStyle:
    """What a skeleton looks like.

    Attributes:
        links (tuple[tuple[int, int]]): Pairs of joints, in the order of drawing.
        link_colours (tuple[Colour]): BGR, one per link.
        joint_colours (tuple[Colour]): BGR, one per joint.
        thickness (int): Of links, in pixels.
        radius (int): Of joints, in pixels.
    """
    links: Tuple[Tuple[int, int], ...]
    link_colours: Tuple[Colour, ...]
    joint_colours: Tuple[Colour, ...]
    thickness: int = 2
    radius: int = 3

    @classmethod
    def from_metainfo(cls, metainfo: Dict, thickness: int = 2, radius: int = 3) -> SkeletonStyle:
        """Take links and colours from MMPose's description of a data set; what it lacks gets one colour.

        Args:
            metainfo (dict): ``num_keypoints``, ``skeleton_links``; ``skeleton_link_colors`` and
                ``keypoint_colors`` (RGB) if there are any.
            thickness (int): Of links, in pixels.
            radius (int): Of joints, in pixels.
        """
        links = tuple((int(a), int(b)) for a, b in metainfo.get('skeleton_links', ()))
        return cls(links, _colours(metainfo.get('skeleton_link_colors'), len(links)),
                   _colours(metainfo.get('keypoint_colors'), int(metainfo['num_keypoints'])), thickness,
                   radius)


def _colours(rgb: Optional[Sequence[Sequence[int]]], count: int) -> Tuple[Colour, ...]:
    if rgb is None or len(rgb) != count:
        return (_DEFAULT, ) * count
    return tuple((int(blue), int(green), int(red)) for red, green, blue in rgb)


def draw_skeleton(picture: np.ndarray, points: np.ndarray, style: SkeletonStyle,
                  seen: Optional[np.ndarray] = None, hollow: Optional[np.ndarray] = None) -> None:
    """Draw a skeleton into a picture.

    Args:
        picture (ndarray): ``(H,W,3)``, changed in place.
        points (ndarray): ``(K,2)`` in pixels; joints that are not finite are left out.
        style (SkeletonStyle): Links, colours and sizes.
        seen (ndarray, optional): ``(K,)``; joints that are false or 0 are left out.
        hollow (ndarray, optional): ``(K,)``; joints that are true are drawn as rings.
    """
    points = np.asarray(points, dtype=np.float64)
    shown = np.isfinite(points).all(axis=1)
    if seen is not None:
        shown &= np.asarray(seen) > 0
    # A wild point far outside would overflow OpenCV's integers; lines are clipped to the picture anyway.
    places = [tuple(place) for place in
              np.nan_to_num(points).clip(-1e6, 1e6).round().astype(int).tolist()]
    for (a, b), colour in zip(style.links, style.link_colours):
        if shown[a] and shown[b]:
            cv2.line(picture, places[a], places[b], colour, style.thickness, cv2.LINE_AA)
    widths = np.full(len(points), -1) if hollow is None else np.where(hollow, 1, -1)
    for place, visible, colour, width in zip(places, shown, style.joint_colours, widths.tolist()):
        if visible:
            cv2.circle(picture, place, style.radius, colour, width, cv2.LINE_AA)


def draw_people(frame: np.ndarray, keypoints: np.ndarray, scores: np.ndarray, boxes: np.ndarray,
                style: SkeletonStyle, least_score: float = 0.3) -> np.ndarray:
    """Draw boxes and skeletons of people over a frame.

    Args:
        frame (ndarray): ``(H,W,3)``, left as it is.
        keypoints (ndarray): ``(N,K,2)`` in pixels.
        scores (ndarray): ``(N,K)``.
        boxes (ndarray): ``(N,4)``: x1, y1, x2, y2 in pixels.
        style (SkeletonStyle): Links, colours and sizes.
        least_score (float): Joints below are left out.

    Returns:
        ndarray: A new picture ``(H,W,3)``.
    """
    picture = frame.copy()
    for box in np.asarray(boxes).round().astype(int).tolist():
        cv2.rectangle(picture, tuple(box[:2]), tuple(box[2:4]), _BOX, 1, cv2.LINE_AA)
    for points, score in zip(keypoints, scores):
        draw_skeleton(picture, points, style, np.asarray(score) >= least_score)
    return picture
