"""PoseTrack17's ``annolist``, from Matlab files or their JSON form (all values one-element lists)."""
from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, List, Optional, Tuple

import numpy as np

from mmpose_gss.errors import UserError
from mmpose_gss.structures.json_file import read_json
from mmpose_gss.structures.mat_file import read_mat

# Fields that are lists even when they hold one element.
_LISTS = ('annorect', 'ignore_regions', 'point')


@dataclass
class Point17:
    """A joint of a person.

    Attributes:
        joint: its ``id``, a place in ``POSETRACK17_JOINTS``; -1 if it has none.
        x: pixels, NaN if missing.
        y: pixels, NaN if missing.
        visible: ``is_visible``, None if the file does not say.
        score: of a prediction, None if missing.
    """
    joint: int
    x: float
    y: float
    visible: Optional[int] = None
    score: Optional[float] = None


@dataclass
class Person17:
    """A person of a frame.

    Attributes:
        track_id: as in the file, None if missing.
        head: corners x1, y1, x2, y2 of the head box in pixels, None if missing.
        points: the joints; None if the entry has no list of them at all.
    """
    track_id: Optional[float]
    head: Optional[Tuple[float, float, float, float]]
    points: Optional[List[Point17]]


@dataclass
class Frame17:
    """A frame of a video.

    Attributes:
        name: path of the image, None if missing.
        is_labeled: whether people are annotated in it.
        people: the people.
        ignore_regions: polygons as (all x, all y), pixels.
    """
    name: Optional[str]
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
        UserError: If the file cannot be read or has no ``annolist``.
    """
    return parse_annolist(read_json(path) if path.suffix == '.json' else read_mat(path), str(path))


def parse_annolist(content: Any, source: str) -> List[Frame17]:
    """Read the content of a file.

    Args:
        content (dict): What the file holds, with an ``annolist``.
        source (str): The file, for messages.

    Returns:
        list[Frame17]: All frames.

    Raises:
        UserError: If it has no ``annolist``, or one of another form.
    """
    if not isinstance(content, dict) or 'annolist' not in content:
        raise UserError(f'{source}: has no "annolist"; it is not in PoseTrack17\'s format.')
    try:
        return [_frame(entry) for entry in _many(content['annolist'])]
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise UserError(f'{source}: "annolist" is not in PoseTrack format ({type(error).__name__}: '
                        f'{str(error)[:200]}); '
                        'compare it with the ground-truth file of the video.') from error


def _is_structure(value: Any) -> bool:
    """Tell objects of JSON and structures of Matlab from lists and numbers."""
    return isinstance(value, dict) or hasattr(value, '_fieldnames')


def _many(value: Any) -> List[Any]:
    """List structures, whichever way the file holds none, one or many."""
    if value is None:
        return []
    if _is_structure(value):
        return [value]
    if isinstance(value, np.ndarray):
        return list(value.reshape(-1))
    return list(value)


def _get(entry: Any, name: str) -> Any:
    """Give a field of a structure, unwrapped from one-element lists; None if absent or empty."""
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
    name = _get(image, 'name') if image is not None else None
    people = [_person(person) for person in _many(_get(entry, 'annorect')) if _is_structure(person)]
    regions = []
    for region in _many(_get(entry, 'ignore_regions')):
        corners = _many(_get(region, 'point'))
        regions.append(([_number(corner, 'x') for corner in corners],
                        [_number(corner, 'y') for corner in corners]))
    labeled = _number(entry, 'is_labeled')
    return Frame17(name if isinstance(name, str) else None, bool(people) if labeled is None else labeled == 1,
                   people, regions)


def _person(entry: Any) -> Person17:
    corners = [_number(entry, name) for name in ('x1', 'y1', 'x2', 'y2')]
    annopoints = _get(entry, 'annopoints')
    points = _get(annopoints, 'point') if _is_structure(annopoints) else None
    return Person17(
        track_id=_number(entry, 'track_id'),
        head=None if None in corners else tuple(corners),
        points=None if points is None else [_point(point) for point in _many(points)])


def _point(entry: Any) -> Point17:
    joint, visible = _number(entry, 'id'), _number(entry, 'is_visible')
    x, y = (_number(entry, axis) for axis in 'xy')
    return Point17(
        joint=-1 if joint is None else int(joint),
        x=float('nan') if x is None else x,
        y=float('nan') if y is None else y,
        visible=None if visible is None else int(visible),
        score=_number(entry, 'score'))
