"""COCO-style annotation files, PoseTrack18's and 21's among them: content, joint names, joints as arrays.

Shapes: N annotations, K joints.
"""
from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from mmpose_gss.errors import UserError
from mmpose_gss.structures.collector import no_garbage_collection
from mmpose_gss.structures.json_file import read_json
from mmpose_gss.structures.schema import check_coco


def load_annotations(ann_file: str) -> dict:
    """Load a COCO-style file, or all files of a folder as one (PoseTrack has one file per video).

    Args:
        ann_file (str): A ``.json`` file, or a folder of them.

    Returns:
        dict: ``images``, ``annotations`` and ``categories``.

    Raises:
        FileNotFoundError: If there is no such file or no JSON file in the folder.
        UserError: If a file lacks ``images`` or ``annotations``, or lists other joints than the others.
    """
    path = Path(ann_file)
    if not path.exists():
        raise FileNotFoundError(
            f'Annotation file "{ann_file}" does not exist; check data_root and ann_file, or make it with '
            'tools/dataset_converters.')
    with no_garbage_collection():
        return _load_folder(path) if path.is_dir() else load_coco(path)


def _load_folder(path: Path) -> dict:
    """Load all files of a folder as one; see :func:`load_annotations`."""
    files = json_files(path)
    if not files:
        raise FileNotFoundError(f'Annotation folder "{path}" holds no .json file.')
    merged: dict = dict(images=[], annotations=[], categories=None)
    for file in files:
        content = load_coco(file)
        merged['images'] += content['images']
        merged['annotations'] += content['annotations']
        categories = content.get('categories')
        if merged['categories'] is None:
            merged['categories'] = categories
        elif joint_names(categories) != joint_names(merged['categories']):
            raise UserError(
                f'"{file}" lists other joints in "categories" than the files before it; convert the folder '
                'to one version first.')
    return merged


def json_files(folder: Path) -> List[Path]:
    """List the JSON files of a folder, sorted, without the hidden ones that macOS puts into archives."""
    return sorted(path for path in folder.glob('*.json') if not path.name.startswith('.'))


def load_coco(path: Path) -> dict:
    """Load one COCO-style file.

    Raises:
        UserError: If it is not JSON, lacks ``images`` or ``annotations``, or a field is of another type.
    """
    content = check_coco(read_json(path), str(path))
    for name in ('images', 'annotations'):
        if content.get(name) is None:
            raise UserError(
                f'Annotation file "{path}" has no "{name}"; it is not COCO-style. Convert it with '
                'tools/dataset_converters.')
    return content


def joint_names(categories: Optional[Sequence[dict]]) -> Optional[List[str]]:
    """Give the joint names of the person category, or None if the file does not list them."""
    for category in categories or []:
        if category.get('name', 'person') == 'person' and category.get('keypoints'):
            return list(category['keypoints'])
    return None


def joint_order(names: Optional[Sequence[str]], wanted: Dict[str, int], optional: Sequence[str],
                source: str) -> Tuple[np.ndarray, int]:
    """Find where each joint of the data set stands in the annotations, by name.

    Args:
        names (Sequence[str], optional): Joint names of the annotation file; None means those wanted.
        wanted (dict): Joint name to index in the data set.
        optional (Sequence[str]): Joints that the file may lack.
        source (str): The file, for messages.

    Returns:
        tuple: For each joint of the data set its place in the file, -1 if it has none, ``(K,)``; and the
        number of joints in the file.

    Raises:
        UserError: If the file lacks a joint.
    """
    if names is None:
        return np.arange(len(wanted)), len(wanted)
    places = {name: place for place, name in enumerate(names)}
    missing = [name for name in wanted if name not in places and name not in optional]
    if missing:
        raise UserError(
            f'"{source}": "categories" has no joints {missing}; the data set expects {list(wanted)}. Choose '
            'the data set class of this file, or convert it with tools/dataset_converters.')
    order = np.full(len(wanted), -1)
    for name, index in wanted.items():
        order[index] = places.get(name, -1)
    return order, len(names)


def required(entry: Any, name: str, source: str, where: str) -> Any:
    """Give a field that every entry must have.

    Raises:
        UserError: If the entry lacks it.
    """
    try:
        return entry[name]
    except (KeyError, TypeError):
        raise UserError(f'{source}: an entry of "{where}" has no "{name}"; every one needs it.') from None


def joint_triples(annotations: Sequence[dict], num_joints: int, source: str) -> np.ndarray:
    """Put the joints of all people into one array.

    Args:
        annotations (Sequence[dict]): N annotations with ``keypoints``.
        num_joints (int): K joints of the file.
        source (str): The file, for messages.

    Returns:
        ndarray: x and y in pixels and the flag, ``(N, K, 3)`` float64.

    Raises:
        UserError: If ``keypoints`` is missing, of another length, or not of numbers.
    """
    values = [required(annotation, 'keypoints', source, 'annotations') for annotation in annotations]
    for annotation, value in zip(annotations, values):
        if len(value) != 3 * num_joints:
            raise UserError(
                f'{source}: annotation {_label(annotation)} has {len(value)} values in "keypoints", but '
                f'{num_joints} joints need {3 * num_joints} (x, y, flag each); "categories" must name the '
                'joints that the file has.')
    try:
        return np.array(values, dtype=np.float64).reshape(len(values), num_joints, 3)
    except (OverflowError, TypeError, ValueError):
        raise UserError(
            f'{source}: "keypoints" holds something that is no number; write x, y, flag of every '
            'joint.') from None


def joint_scores(annotations: Sequence[dict], num_joints: int, missing: float,
                 source: str) -> Tuple[np.ndarray, int]:
    """Put the scores of all joints into one array.

    Args:
        annotations (Sequence[dict]): N annotations, perhaps with ``scores``.
        num_joints (int): K joints of the file.
        missing (float): Score of the joints of an annotation without ``scores``.
        source (str): The file, for messages.

    Returns:
        tuple: Scores ``(N, K)`` float64, and how many annotations have none.

    Raises:
        UserError: If ``scores`` is of another length or not of numbers.
    """
    values = [annotation.get('scores') or None for annotation in annotations]
    for annotation, value in zip(annotations, values):
        if value is not None and len(value) != num_joints:
            raise UserError(
                f'{source}: annotation {_label(annotation)} has {len(value)} "scores", but "categories" '
                f'names {num_joints} joints; give one score for each joint.')
    filler = [missing] * num_joints
    try:
        scores = np.array([filler if value is None else value for value in values], dtype=np.float64)
    except (OverflowError, TypeError, ValueError):
        raise UserError(
            f'{source}: "scores" holds something that is no number; give one number for each '
            'joint.') from None
    return scores.reshape(-1, num_joints), sum(value is None for value in values)


def _label(annotation: dict) -> str:
    """Name an annotation in a message, by its id or else its image."""
    return str(annotation['id']) if 'id' in annotation else f'of image {annotation.get("image_id")}'
