"""Fields that every converted PoseTrack annotation has, whatever its source leaves out."""
from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import List, Optional, Sequence

import numpy as np

from mmpose_gss.datasets.converters.coco_files import image_size
from mmpose_gss.structures.boxes import box_from_joints, is_box
from mmpose_gss.structures.posetrack_format import person_category
from mmpose_gss.structures.skeletons import POSETRACK

# Links as PoseTrack18's own files list them, counted from 1.
_LINKS = ((16, 14), (14, 12), (17, 15), (15, 13), (12, 13), (6, 12), (7, 13), (6, 7), (6, 8), (7, 9), (8, 10),
          (9, 11), (2, 3), (1, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 7))
CATEGORIES: List[dict] = [person_category(POSETRACK.names, _LINKS)]


def finish_annotation(ann: dict, number: int, skipped: Counter) -> dict:
    """Add what COCO-style readers need: id, number of joints, area, a box if there is none.

    Args:
        ann (dict): Annotation with ``image_id``, ``keypoints`` (17·3 numbers) and, perhaps, ``bbox``.
        number (int): Its number in its frame.
        skipped (Counter): Reasons for things left out.

    Returns:
        dict: The same annotation.
    """
    joints = np.asarray(ann['keypoints'], dtype=np.float64).reshape(-1, 3)
    # A joint is absent only if all three numbers are 0; the flag alone says whether it can be seen.
    annotated = (joints != 0).any(axis=-1)
    ann.setdefault('id', ann['image_id'] * 100 + number)
    ann['category_id'] = 1
    ann['iscrowd'] = int(bool(ann.get('iscrowd', 0)))
    ann['num_keypoints'] = int(annotated.sum())
    ann.setdefault('track_id', -1)
    if 'bbox' in ann and not is_box(ann['bbox']):
        skipped['boxes that are broken (the joints\' box is used)'] += 1
        del ann['bbox']
    if 'bbox' not in ann:
        box = box_from_joints(joints[..., :2], annotated)
        if box is not None:
            ann['bbox'] = box.tolist()
    if 'bbox_head' in ann and not is_box(ann['bbox_head']):
        skipped['head boxes that are broken'] += 1
        del ann['bbox_head']
    if 'bbox' in ann:
        ann['area'] = float(ann['bbox'][2] * ann['bbox'][3])
    return ann


def add_sizes(images: Sequence[dict], root: Path, skipped: Counter) -> None:
    """Add width and height to the images of a video, read from its first frame on disk.

    Args:
        images (Sequence[dict]): Images of one video.
        root (Path): Folder to which their names are relative.
        skipped (Counter): Counts the frames that are not on disk.
    """
    if not images:
        return
    folder = (root / images[0]['file_name']).parent
    present = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    skipped['frames not on disk (their annotations are kept)'] += sum(
        Path(image['file_name']).name not in present for image in images)
    skipped += Counter()  # drops zero counts
    if all(image.get('width') and image.get('height') for image in images):
        return
    size = next(filter(None, (image_size(root / image['file_name']) for image in images
                              if Path(image['file_name']).name in present)), None)
    if size is not None:
        for image in images:
            image['width'], image['height'] = size


def reorder_joints(values: Sequence[float], order: Optional[Sequence[int]]) -> Optional[List[float]]:
    """Bring the joints of a person into PoseTrack18's order.

    Args:
        values (Sequence[float]): x, y, flag for each joint of the file.
        order (Sequence[int], optional): For each of the 17 joints its place in the file, -1 for none.

    Returns:
        list[float] | None: 51 numbers; None if one is not finite.
    """
    if not np.isfinite(np.asarray(values, dtype=np.float64)).all():
        return None
    if order is None:
        return list(values)
    out: List[float] = []
    for place in order:
        out += list(values[3 * place:3 * place + 3]) if place >= 0 else [0, 0, 0]
    return out
