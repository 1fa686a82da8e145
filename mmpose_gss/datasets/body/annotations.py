"""Reading COCO-style annotations of video, with checks that say what is wrong and how to mend it."""
from __future__ import annotations

import math
import os.path as osp
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np
from mmengine.fileio import exists as file_exists
from mmengine.fileio import isdir, list_dir_or_file, load

# PoseTrack's own boxes are the extent of the joints, larger by 15 % on each side.
KEYPOINT_BOX_MARGIN = 0.15


def load_annotations(ann_file: str) -> dict:
    """Load a COCO-style file, or all files of a folder as one (PoseTrack has one file per video).

    Args:
        ann_file (str): A ``.json`` file, or a folder of them.

    Returns:
        dict: ``images``, ``annotations`` and ``categories``.

    Raises:
        FileNotFoundError: If there is no such file or no JSON file in the folder.
        ValueError: If a file lacks ``images`` or ``annotations``.
    """
    if not file_exists(ann_file):
        raise FileNotFoundError(
            f'Annotation file "{ann_file}" does not exist; check data_root and ann_file, or make it with '
            'tools/dataset_converters.')
    if not isdir(ann_file):
        return _load_one(ann_file)
    names = sorted(list_dir_or_file(ann_file, list_dir=False, suffix='.json'))
    if not names:
        raise FileNotFoundError(f'Annotation folder "{ann_file}" holds no .json file.')
    merged: dict = dict(images=[], annotations=[], categories=None)
    for name in names:
        content = _load_one(osp.join(ann_file, name))
        merged['images'] += content['images']
        merged['annotations'] += content['annotations']
        categories = content.get('categories')
        if merged['categories'] is None:
            merged['categories'] = categories
        elif joint_names(categories) != joint_names(merged['categories']):
            raise ValueError(
                f'"{osp.join(ann_file, name)}" lists other joints in "categories" than the files before it; '
                'convert the folder to one version first.')
    return merged


def _load_one(path: str) -> dict:
    try:
        content = load(path, file_format='json')
    except ValueError as error:
        raise ValueError(f'Annotation file "{path}" is not valid JSON: {error}.') from error
    for field in ('images', 'annotations'):
        if not isinstance(content, dict) or field not in content:
            raise ValueError(
                f'Annotation file "{path}" has no "{field}"; it is not COCO-style. Convert it with '
                'tools/dataset_converters.')
    return content


def joint_names(categories: Optional[Sequence[dict]]) -> Optional[List[str]]:
    """The joint names of the person category, or None if the file does not list them."""
    for category in categories or []:
        if category.get('name', 'person') == 'person' and category.get('keypoints'):
            return list(category['keypoints'])
    return None


def joint_order(names: Optional[Sequence[str]], wanted: Dict[str, int], optional: Sequence[str],
                source: str) -> Tuple[np.ndarray, int]:
    """Where each joint of the data set stands in the annotations, by name.

    Args:
        names (Sequence[str], optional): Joint names of the annotation file; None means those wanted.
        wanted (dict): Joint name to index in the data set.
        optional (Sequence[str]): Joints that the file may lack.
        source (str): The file, for messages.

    Returns:
        tuple: For each joint of the data set its place in the file, -1 if it has none, ``(K,)``; and the
        number of joints in the file.

    Raises:
        ValueError: If the file lacks a joint.
    """
    if names is None:
        return np.arange(len(wanted)), len(wanted)
    places = {name: place for place, name in enumerate(names)}
    missing = [name for name in wanted if name not in places and name not in optional]
    if missing:
        raise ValueError(
            f'"{source}": "categories" has no joints {missing}; the data set expects {list(wanted)}. Choose '
            'the data set class of this file, or convert it with tools/dataset_converters.')
    order = np.full(len(wanted), -1)
    for name, index in wanted.items():
        order[index] = places.get(name, -1)
    return order, len(names)


def joint_table(annotations: Sequence[dict], order: np.ndarray, num_joints: int,
                source: str) -> Tuple[np.ndarray, np.ndarray]:
    """The joints of all people, in the order of the data set.

    Args:
        annotations (Sequence[dict]): N annotations with ``keypoints`` (x, y, flag for each joint, pixels).
        order (ndarray): From :func:`joint_order`, ``(K,)``.
        num_joints (int): Joints in the file.
        source (str): The file, for messages.

    Returns:
        tuple: Coordinates ``(N, K, 2)`` and visibility in {0, 1} ``(N, K)``, float32.

    Raises:
        ValueError: If the number of values is wrong or one is not finite.
    """
    for ann in annotations:
        if len(ann['keypoints']) != 3 * num_joints:
            raise ValueError(
                f'"{source}": annotation {ann.get("id")} has {len(ann["keypoints"])} values in "keypoints", '
                f'but {num_joints} joints need {3 * num_joints} (x, y, flag); convert the file with '
                'tools/dataset_converters.')
    values = np.array([ann['keypoints'] for ann in annotations], dtype=np.float32)
    values = values.reshape(len(annotations), num_joints, 3)
    broken = np.flatnonzero(~np.isfinite(values).all(axis=(1, 2)))
    if len(broken):
        ann = annotations[broken[0]]
        raise ValueError(
            f'"{source}": annotation {ann.get("id")} has NaN or infinity in "keypoints"; mend or delete it.')
    joints = values[:, order]
    joints[:, order < 0] = 0
    return joints[..., :2].copy(), (joints[..., 2] > 0).astype(np.float32)


def box_from_joints(joints: np.ndarray, visible: np.ndarray) -> Optional[np.ndarray]:
    """PoseTrack's box of a person: the extent of the joints, larger by 15 % on each side.

    Args:
        joints (ndarray): ``(K, 2)``.
        visible (ndarray): ``(K,)``.

    Returns:
        ndarray | None: x, y, width, height; None if the joints span no area.
    """
    points = joints[visible > 0]
    if len(points) < 2:
        return None
    low, high = points.min(axis=0), points.max(axis=0)
    size = high - low
    if (size <= 0).any():
        return None
    return np.concatenate([low - KEYPOINT_BOX_MARGIN * size, (1 + 2 * KEYPOINT_BOX_MARGIN) * size])


def box_table(annotations: Sequence[dict], joints: np.ndarray, visible: np.ndarray,
              source: str) -> np.ndarray:
    """The boxes of all people: the annotated one, or else the joints'.

    Args:
        annotations (Sequence[dict]): N annotations, perhaps with ``bbox``.
        joints (ndarray): ``(N, K, 2)``.
        visible (ndarray): ``(N, K)``.
        source (str): The file, for messages.

    Returns:
        ndarray: x, y, width, height in pixels, ``(N, 4)`` float64; NaN where the joints span no area.

    Raises:
        ValueError: If an annotated box is not of four finite numbers, or is empty though the joints span an
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
            raise ValueError(
                f'"{source}": annotation {ann.get("id")} has bbox {box}, but four finite numbers x, y, '
                'width, height are needed; mend it, or delete the field to use the box of the joints.')
        if box[2] > 0 and box[3] > 0:
            boxes[i] = box
        elif box_from_joints(joints[i], visible[i]) is not None:
            raise ValueError(
                f'"{source}": annotation {ann.get("id")} has an empty bbox {box} (x, y, width, height); mend '
                'it, or delete the field to use the box of the joints.')
    return boxes


def clip_boxes(boxes: np.ndarray, sizes: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Clip boxes to their images.

    Args:
        boxes (ndarray): x, y, width, height in pixels, ``(N, 4)``.
        sizes (ndarray): Width and height of each image, infinite if unknown, ``(N, 2)``.

    Returns:
        tuple: x1, y1, x2, y2 as ``(N, 4)`` float32, and whether any of the box is in the image, ``(N,)``.
    """
    low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    # Only known sizes have a left and upper border as well.
    floor = np.where(np.isfinite(sizes), 0, -np.inf)
    low, high = (np.minimum(np.maximum(corner, floor), sizes - 1) for corner in (low, high))
    corners = np.concatenate([low, high], axis=1).astype(np.float32)
    return corners, (corners[:, 2:] > corners[:, :2]).all(axis=1)
