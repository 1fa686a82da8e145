"""Reading detected boxes, as DCPose and PoseWarper publish them or as MMPose does."""
from __future__ import annotations

import math
import os.path as osp
from typing import Dict, List, Tuple

from mmengine.fileio import exists as file_exists
from mmengine.fileio import load

PERSON_CATEGORY = 1


def load_detections(bbox_file: str) -> List[dict]:
    """Load a JSON list of detections and check each.

    A detection has ``bbox`` (x, y, width, height in pixels), ``score``, and either ``image_name`` (DCPose,
    PoseWarper; with ``nframes``, ``frame_id``) or ``image_id`` (MMPose). Those of other categories than
    person are left out.

    Args:
        bbox_file (str): Path of the file.

    Returns:
        list[dict]: The detections of persons.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is no list of detections, or a box or score is not finite.
    """
    if not file_exists(bbox_file):
        raise FileNotFoundError(
            f'Detection file "{bbox_file}" does not exist; check bbox_file, or leave it out to use annotated '
            'boxes.')
    content = load(bbox_file, file_format='json')
    if not isinstance(content, list) or not all(isinstance(item, dict) for item in content):
        raise ValueError(
            f'Detection file "{bbox_file}" must be a JSON list of objects with "bbox" and "score".')
    persons = [item for item in content if item.get('category_id', PERSON_CATEGORY) == PERSON_CATEGORY]
    for number, item in enumerate(persons):
        _check(item, number, bbox_file)
    return persons


def _check(item: dict, number: int, bbox_file: str) -> None:
    for field in ('bbox', 'score'):
        if field not in item:
            raise ValueError(f'Detection file "{bbox_file}": detection {number} has no "{field}".')
    if 'image_name' not in item and 'image_id' not in item:
        raise ValueError(
            f'Detection file "{bbox_file}": detection {number} has neither "image_name" nor "image_id".')
    box = item['bbox']
    if len(box) < 4 or not all(map(math.isfinite, box[:4])) or not math.isfinite(item['score']):
        raise ValueError(
            f'Detection file "{bbox_file}": detection {number} has bbox {box} and score {item["score"]}, but '
            'four finite numbers x, y, width, height and a finite score are needed; delete or mend it.')


class ImageIndex:
    """Finds the annotated image of a detection.

    Args:
        images (list[dict]): ``images`` of the annotation file.
    """

    def __init__(self, images: List[dict]) -> None:
        self._by_id: Dict[int, dict] = {image['id']: image for image in images}
        self._by_name: Dict[str, dict] = {image['file_name']: image for image in images}
        self._by_tail: Dict[Tuple[str, str], dict] = {_tail(image['file_name']): image for image in images}

    def find(self, detection: dict):
        """The image of a detection, or None if the annotations do not list it.

        Names match whole or, as data sets are unpacked into different folders, by video and frame.
        """
        if 'image_name' in detection:
            name = detection['image_name']
            return self._by_name.get(name) or self._by_tail.get(_tail(name))
        return self._by_id.get(detection['image_id'])


def _tail(name: str) -> Tuple[str, str]:
    folder, base = osp.split(name)
    return osp.basename(folder), base
