"""Reading COCO-style annotations of video, with checks that say what is wrong and how to mend it."""
from __future__ import annotations

import os.path as osp
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np
from mmengine.fileio import list_dir_or_file, load
from mmengine.fileio import exists as file_exists
from mmengine.fileio import isdir

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


def parse_joints(ann: dict, order: np.ndarray, num_joints: int, source: str) -> Tuple[np.ndarray, np.ndarray]:
    """The joints of one person, in the order of the data set.

    Args:
        ann (dict): Annotation with ``keypoints`` (x, y, flag for each joint, pixels).
        order (ndarray): From :func:`joint_order`, ``(K,)``.
        num_joints (int): Joints in the file.
        source (str): The file, for messages.

    Returns:
        tuple: Coordinates ``(1, K, 2)`` and visibility in {0, 1} ``(1, K)``, float32.

    Raises:
        ValueError: If the number of values is wrong or one is not finite.
    """
    values = np.asarray(ann['keypoints'], dtype=np.float32)
    if values.size != 3 * num_joints:
        raise ValueError(
            f'"{source}": annotation {ann.get("id")} has {values.size} values in "keypoints", but '
            f'{num_joints} joints need {3 * num_joints} (x, y, flag); convert the file with '
            'tools/dataset_converters.')
    if not np.isfinite(values).all():
        raise ValueError(
            f'"{source}": annotation {ann.get("id")} has NaN or infinity in "keypoints"; mend or delete it.')
    values = values.reshape(-1, 3)
    joints = np.where(order[:, None] >= 0, values[order], 0).astype(np.float32)
    return joints[None, :, :2], np.clip(joints[None, :, 2], 0, 1)


def box_from_joints(joints: np.ndarray, visible: np.ndarray) -> Optional[np.ndarray]:
    """PoseTrack's box of a person: the extent of the joints, larger by 15 % on each side.

    Args:
        joints (ndarray): ``(1, K, 2)``.
        visible (ndarray): ``(1, K)``.

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


def clip_box(box: np.ndarray, size: Optional[Tuple[int, int]]) -> Optional[np.ndarray]:
    """Clip a box to its image.

    Args:
        box (ndarray): x, y, width, height in pixels.
        size (tuple[int, int], optional): Width and height of the image; None if unknown.

    Returns:
        ndarray | None: x1, y1, x2, y2 as ``(1, 4)`` float32; None if nothing of the box is in the image.
    """
    x, y, w, h = box
    corners = np.array([[x, y, x + w, y + h]], dtype=np.float32)
    if size is not None:
        corners[:, 0::2] = corners[:, 0::2].clip(0, size[0] - 1)
        corners[:, 1::2] = corners[:, 1::2].clip(0, size[1] - 1)
    if corners[0, 2] <= corners[0, 0] or corners[0, 3] <= corners[0, 1]:
        return None
    return corners
