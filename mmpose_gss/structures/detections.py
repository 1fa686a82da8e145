"""Detected boxes in files, of whatever origin, and the images that they belong to.

Read are the lists that ``projects/quick_demo/detect_boxes.py`` writes, those that DCPose and PoseWarper
publish for PoseTrack (``image_name``) and those of COCO and MMPose (``image_id``).

Shapes: N detections.
"""
from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

import numpy as np

from mmpose_gss.errors import UserError
from mmpose_gss.structures.json_file import read_json
from mmpose_gss.structures.schema import is_number, is_whole, shown

PERSON_CATEGORY = 1


@dataclass(frozen=True)
class Detections:
    """Boxes of people.

    Attributes:
        source: the file, for messages.
        boxes: x, y, width, height in pixels, ``(N, 4)`` float64.
        scores: ``(N,)`` float64.
        names: names of the N images, None where the file has none.
        ids: ids of the N images (``image_id``, or else ``frame_id``), None where the file has none.
        tracks: track ids, -1 for none, ``(N,)`` int64.
        notes: sentences about what is odd but can be used.
    """
    source: str
    boxes: np.ndarray
    scores: np.ndarray
    names: Tuple[Optional[str], ...]
    ids: Tuple[Optional[int], ...]
    tracks: np.ndarray
    notes: Tuple[str, ...] = ()

    def __len__(self) -> int:
        """Give the number of detections."""
        return len(self.scores)


def load_detections(path: Union[str, Path]) -> Detections:
    """Load a JSON list of detections and check each.

    A detection has ``bbox`` (x, y, width, height in pixels), ``score``, and one of ``image_name``,
    ``image_id`` and ``frame_id``; perhaps ``track_id``. Those of other categories than person (1) are left
    out with a note.

    Args:
        path (str | Path): The file.

    Returns:
        Detections: The detections of persons, in file order.

    Raises:
        FileNotFoundError: If the file does not exist.
        UserError: If it is no list of detections, a field is missing or not as it should be, or all are of
            other categories.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f'Detection file "{path}" does not exist; check bbox_file (or --detector), or leave it out to do '
            'without detected boxes.')
    content = read_json(path)
    if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
        raise UserError(
            f'Detection file "{path}" must be a JSON list of objects with "bbox" and "score".')
    persons = []
    for number, entry in enumerate(content):
        if entry.get('category_id', PERSON_CATEGORY) == PERSON_CATEGORY:
            _check(entry, f'Detection file "{path}": detection {number}')
            persons.append(entry)
    notes = _others(content, len(persons), str(path))
    return Detections(
        source=str(path),
        boxes=np.array([entry['bbox'][:4] for entry in persons], dtype=np.float64).reshape(-1, 4),
        scores=np.array([entry['score'] for entry in persons], dtype=np.float64),
        names=tuple(entry.get('image_name') for entry in persons),
        ids=tuple(_whole(entry.get('image_id', entry.get('frame_id'))) for entry in persons),
        tracks=np.array([entry.get('track_id', -1) for entry in persons], dtype=np.int64), notes=notes)


def _others(content: List[dict], persons: int, path: str) -> Tuple[str, ...]:
    """Say how many detections are of other categories; refuse a file that has nothing else."""
    if persons == len(content):
        return ()
    found = sorted({str(entry.get('category_id')) for entry in content} - {str(PERSON_CATEGORY)})
    what = (f'Detection file "{path}": {len(content) - persons} of {len(content)} boxes have another '
            f'category_id ({", ".join(found[:5])}) than {PERSON_CATEGORY}, person')
    if not persons:
        raise UserError(f'{what}; give those of people, or leave the field out.')
    return (f'{what}; they are left out.', )


def _check(entry: dict, where: str) -> None:
    for name in ('bbox', 'score'):
        if name not in entry:
            raise UserError(f'{where} has no "{name}".')
    if not any(name in entry for name in ('image_name', 'image_id', 'frame_id')):
        raise UserError(f'{where} has neither "image_name" nor "image_id" nor "frame_id".')
    box, score = entry['bbox'], entry['score']
    if not isinstance(box, (list, tuple)) or len(box) < 4 or not all(map(is_number, [*box[:4], score])):
        raise UserError(
            f'{where} has bbox {shown(box)} and score {shown(score)}, but four finite numbers x, y, width, '
            'height and a finite score are needed; delete or mend it.')
    if not isinstance(entry.get('image_name', ''), str):
        raise UserError(f'{where} has image_name {shown(entry["image_name"])}, which is no text; mend it.')
    for name in ('image_id', 'frame_id'):
        if name in entry and (_whole(entry[name]) is None or entry[name] < 0):
            raise UserError(
                f'{where} has {name} {shown(entry[name])}, but a whole number from 0 on is needed; mend it.')
    if _whole(entry.get('track_id', -1)) is None:
        raise UserError(
            f'{where} has track_id {shown(entry["track_id"])}, which is no whole number; mend it.')


def _whole(value: Any) -> Optional[int]:
    """Give a whole number as int, also one written as 17.0; None for anything else."""
    return int(value) if is_whole(value) else None


class ImageIndex:
    """Finds the images of detections, by name or else by id.

    Names match whole or, as data sets are unpacked into different folders, by video and frame.

    Args:
        names (Sequence[str]): File names of the images.
        ids (Sequence[int]): Their ids. Defaults to none, so that only names match.
    """

    def __init__(self, names: Sequence[str], ids: Sequence[int] = ()) -> None:
        self._by_id: Dict[int, int] = {key: place for place, key in enumerate(ids)}
        self._by_name: Dict[str, int] = {name: place for place, name in enumerate(names)}
        self._by_tail: Dict[Tuple[str, str], int] = {tail(name): place for place, name in enumerate(names)}

    def match(self, detections: Detections) -> np.ndarray:
        """Find the image of each detection.

        Args:
            detections (Detections): N detections.

        Returns:
            ndarray: Place of the image among those given, -1 if it is not among them, ``(N,)`` int64.
        """
        places: List[int] = []
        for name, key in zip(detections.names, detections.ids):
            if name is None:
                places.append(self._by_id.get(key, -1))
            else:
                places.append(self._by_name.get(name, self._by_tail.get(tail(name), -1)))
        return np.array(places, dtype=np.int64)


def tail(name: str) -> Tuple[str, str]:
    """Give the names of the folder, which is the video, and of the file of an image."""
    folder, base = os.path.split(name)
    return os.path.basename(folder), base
