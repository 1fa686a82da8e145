"""Joints and boxes of annotated people, with checks that say what is wrong and how to mend it.

Shapes: N people, K joints of the data set.
"""
from __future__ import annotations

import math
from typing import Sequence, Tuple

import numpy as np

from mmpose_gss.errors import UserError
from mmpose_gss.structures.boxes import box_from_joints
from mmpose_gss.structures.coco_format import joint_triples


def joint_table(annotations: Sequence[dict], order: np.ndarray, num_joints: int,
                source: str) -> Tuple[np.ndarray, np.ndarray]:
    """Put the joints of all people into arrays, in the order of the data set.

    Args:
        annotations (Sequence[dict]): N annotations with ``keypoints`` (x, y, flag for each joint, pixels).
        order (ndarray): Place of each joint in the file, -1 for none (``joint_order``), ``(K,)``.
        num_joints (int): Joints in the file.
        source (str): The file, for messages.

    Returns:
        tuple: Coordinates ``(N, K, 2)`` and visibility in {0, 1} ``(N, K)``, float32.

    Raises:
        UserError: If the number of values is wrong or one is not finite.
    """
    values = joint_triples(annotations, num_joints, f'"{source}"').astype(np.float32)
    broken = np.flatnonzero(~np.isfinite(values).all(axis=(1, 2)))
    if len(broken):
        ann = annotations[broken[0]]
        raise UserError(
            f'"{source}": annotation {ann.get("id")} has NaN or infinity in "keypoints"; mend or delete it.')
    joints = values[:, order]
    joints[:, order < 0] = 0
    return joints[..., :2].copy(), (joints[..., 2] > 0).astype(np.float32)


def box_table(annotations: Sequence[dict], joints: np.ndarray, visible: np.ndarray,
              source: str) -> np.ndarray:
    """Put the boxes of all people into an array: the annotated one, or else the joints'.

    Args:
        annotations (Sequence[dict]): N annotations, perhaps with ``bbox``.
        joints (ndarray): Pixels, ``(N, K, 2)``.
        visible (ndarray): ``(N, K)``.
        source (str): The file, for messages.

    Returns:
        ndarray: x, y, width, height in pixels, ``(N, 4)`` float64; NaN where the joints span no area.

    Raises:
        UserError: If an annotated box is not of four finite numbers, or is empty though the joints span an
            area. (PoseTrack's boxes of people with a single joint are empty.)
    """
    boxes = np.full((len(annotations), 4), np.nan)
    for i, ann in enumerate(annotations):
        box = ann.get('bbox')
        if box is None:
            from_joints = box_from_joints(joints[i], visible[i])
            if from_joints is not None:
                boxes[i] = from_joints
            continue
        if len(box) != 4 or not all(map(math.isfinite, box)):
            raise UserError(
                f'"{source}": annotation {ann.get("id")} has bbox {box}, but four finite numbers x, y, '
                'width, height are needed; mend it, or delete the field to use the box of the joints.')
        if box[2] > 0 and box[3] > 0:
            boxes[i] = box
        elif box_from_joints(joints[i], visible[i]) is not None:
            raise UserError(
                f'"{source}": annotation {ann.get("id")} has an empty bbox {box} (x, y, width, height); mend '
                'it, or delete the field to use the box of the joints.')
    return boxes
