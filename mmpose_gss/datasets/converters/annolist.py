"""Reading PoseTrack17's ``annolist``, from Matlab files or their JSON form (all values one-element lists)."""
from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, List, Optional, Tuple

import numpy as np
from scipy.io import loadmat
from scipy.io.matlab import mat_struct

from mmpose_gss.datasets.converters.coco_files import read_json

# Fields that are lists even when they hold one element.
_LISTS = ('annorect', 'ignore_regions', 'point')


@dataclass
class Person17:
    """A person of a frame: points as (joint number, x, y, is_visible or None)."""

    track_id: int
    head: Optional[Tuple[float, float, float, float]]
    points: List[Tuple[int, float, float, Optional[int]]]


@dataclass
class Frame17:
    """A frame of a video with its people and its ignore regions as (all x, all y)."""

    name: str
    is_labeled: bool
    people: List[Person17] = field(default_factory=list)
    ignore_regions: List[Tuple[List[float], List[float]]] = field(default_factory=list)


def read_annolist(path: Path) -> List[Frame17]:
    """Read the annotations of a video.

    Args:
        path (Path): ``.mat`` or ``.json`` file.

    Returns:
        list[Frame17]: All frames of the file.

    Raises:
        ValueError: If the file cannot be read or has no ``annolist``.
    """
    if path.suffix == '.json':
        content: Any = read_json(path)
    else:
        try:
            content = loadmat(path, squeeze_me=True, struct_as_record=False)
        except Exception as error:  # scipy raises errors of many kinds
            raise ValueError(f'"{path}" is no readable Matlab file ({error}); download it again.') from error
    if 'annolist' not in content:
        raise ValueError(f'"{path}" has no "annolist"; it is not in PoseTrack17\'s format.')
    try:
        return [_frame(entry) for entry in _many(content['annolist'])]
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ValueError(f'"{path}": "annolist" is not as PoseTrack17\'s: {error!r}.') from error


def _many(value: Any) -> List[Any]:
    """A list of structures, whichever way the file holds none, one or many."""
    if value is None:
        return []
    if isinstance(value, (mat_struct, dict)):
        return [value]
    if isinstance(value, np.ndarray):
        return list(value.reshape(-1))
    return list(value)


def _get(entry: Any, name: str) -> Any:
    """A field of a structure, unwrapped from one-element lists; None if absent or empty."""
    value = entry.get(name) if isinstance(entry, dict) else getattr(entry, name, None)
    if isinstance(value, np.ndarray):
        value = list(value.reshape(-1))
    if name in _LISTS:
        return value
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    return None if isinstance(value, list) and not value else value


def _number(entry: Any, name: str) -> Optional[float]:
    value = _get(entry, name)
    return None if value is None else float(value)


def _frame(entry: Any) -> Frame17:
    image = _get(entry, 'image')
    name = _get(image, 'name')
    if not isinstance(name, str):
        raise KeyError('an image without a name')
    people = [person for person in map(_person, _many(_get(entry, 'annorect'))) if person is not None]
    regions = []
    for region in _many(_get(entry, 'ignore_regions')):
        corners = _many(_get(region, 'point'))
        if corners:
            regions.append(([_number(corner, 'x') for corner in corners],
                            [_number(corner, 'y') for corner in corners]))
    labeled = _number(entry, 'is_labeled')
    return Frame17(name, bool(people) if labeled is None else labeled == 1, people, regions)


def _person(entry: Any) -> Optional[Person17]:
    if not isinstance(entry, (dict, mat_struct)):
        return None  # Matlab's way to say that a frame has no people
    corners = [_number(entry, name) for name in ('x1', 'y1', 'x2', 'y2')]
    track_id = _number(entry, 'track_id')
    head = None if None in corners else tuple(corners)
    points = []
    annopoints = _get(entry, 'annopoints')
    if annopoints is not None and not isinstance(annopoints, (float, int, str)):
        for point in _many(_get(annopoints, 'point')):
            visible = _number(point, 'is_visible')
            x, y = (_number(point, axis) for axis in 'xy')
            points.append((int(_number(point, 'id')), float('nan') if x is None else x,
                           float('nan') if y is None else y, None if visible is None else int(visible)))
    return Person17(-1 if track_id is None else int(track_id), head, points)
