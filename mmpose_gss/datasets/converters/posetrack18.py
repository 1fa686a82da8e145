"""PoseTrack18 and PoseTrack21: official per-video files to clean per-video files and one file per split."""
from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import List, Optional, Sequence, Tuple

from mmpose_gss.datasets.converters.annotation_fields import (
    CATEGORIES,
    add_sizes,
    finish_annotation,
    reorder_joints,
)
from mmpose_gss.datasets.converters.coco_files import convert_splits, find_splits, link_images
from mmpose_gss.datasets.converters.report import Report
from mmpose_gss.errors import UserError
from mmpose_gss.structures.coco_format import joint_names, joint_order
from mmpose_gss.structures.json_file import read_json
from mmpose_gss.structures.posetrack_format import image_id
from mmpose_gss.structures.safe_names import inside
from mmpose_gss.structures.schema import check_coco, content_of
from mmpose_gss.structures.skeletons import POSETRACK, UNANNOTATED_JOINTS

# Public files per version of the labels: v0.2 has 74 for validation, v0.45 has 170.
LABEL_VERSIONS = {74: 'v0.2', 170: 'v0.45'}
KNOWN18 = {'train': {'videos': 593}, 'val': {'videos': 170}, 'all': {'persons': 153615}}
KNOWN21 = {'train': {'videos': 593}, 'val': {'videos': 170}}


def convert_posetrack18(source: str, out: str, overwrite: bool = False) -> Report:
    """Convert PoseTrack18.

    Args:
        source (str): Folder with ``annotations/{train,val}/*.json`` (or ``posetrack_data/annotations/…``) and
            ``images/``.
        out (str): Folder for ``annotations/posetrack18_{train,val}.json``, the per-video ground truth
            ``annotations/{train,val}/`` and a link to the images.
        overwrite (bool): Whether to convert again what is there. Defaults to False.

    Returns:
        Report: What was found.

    Raises:
        FileNotFoundError: If there are no annotation files.
        UserError: If one is not in PoseTrack18's format.
    """
    folders = ('annotations', 'posetrack_data/annotations')
    return _convert('posetrack18', source, out, folders, KNOWN18, overwrite)


def convert_posetrack21(source: str, out: str, overwrite: bool = False) -> Report:
    """Convert PoseTrack21, whose files also have ``person_id``.

    Args:
        source (str): Folder with ``posetrack_data/{train,val}/*.json`` and ``images/``.
        out (str): As for :func:`convert_posetrack18`.
        overwrite (bool): As for :func:`convert_posetrack18`.

    Returns:
        Report: What was found.

    Raises:
        FileNotFoundError: If there are no annotation files.
        UserError: If one is not in PoseTrack21's format.
    """
    return _convert('posetrack21', source, out, ('posetrack_data', 'annotations'), KNOWN21, overwrite)


def _convert(name: str, source: str, out: str, folders: Sequence[str], known: dict,
             overwrite: bool) -> Report:
    root, target = Path(source), Path(out)
    report = Report(name, known)
    splits = find_splits(root, folders, ('.json', ))
    convert_splits(report, splits, target, partial(convert_video, root=root), partial(_label_version, name),
                   CATEGORIES, overwrite)
    link_images(root, target, 'images')
    return report


def _label_version(name: str, split: str, files: List[Path]) -> Optional[str]:
    """Tell the version of PoseTrack18's labels by the number of files for validation."""
    return LABEL_VERSIONS.get(len(files)) if (name, split) == ('posetrack18', 'val') else None


def convert_video(path: Path, root: Path) -> Tuple[dict, Counter]:
    """Convert the file of one video.

    Args:
        path (Path): The file.
        root (Path): Folder to which names of frames are relative.

    Returns:
        tuple: The video, and what was left out, by reason.

    Raises:
        UserError: If the file is not in PoseTrack18's format.
    """
    content = check_coco(read_json(path), str(path))
    with content_of(str(path), "in PoseTrack18's format"):
        return _converted(content, path, root)


def _converted(content: dict, path: Path, root: Path) -> Tuple[dict, Counter]:
    for field in ('images', 'annotations', 'categories'):
        if field not in content:
            raise UserError(f'"{path}" has no "{field}"; it is not in PoseTrack18\'s format.')
    names = joint_names(content['categories'])
    order: Optional[Sequence[int]] = None
    if names is not None:
        order, _ = joint_order(names, {joint: i for i, joint in enumerate(POSETRACK.names)},
                              UNANNOTATED_JOINTS, str(path))
    skipped: Counter = Counter()
    count = len(content['images'])
    images = [_image(image, number, count, path) for number, image in enumerate(content['images'])]
    annotations = _annotations(content['annotations'], {image['id'] for image in images}, order,
                               len(names or POSETRACK.names), skipped)
    labelled = {ann['image_id'] for ann in annotations}
    for image in images:
        image.setdefault('is_labeled', image['id'] in labelled)
    add_sizes(images, root, skipped)
    return dict(images=images, annotations=annotations, categories=CATEGORIES), skipped


def _image(image: dict, number: int, count: int, path: Path) -> dict:
    if 'file_name' not in image:
        raise UserError(f'"{path}": image {number} has no "file_name".')
    folder = Path(inside(image['file_name'], f'"{path}": images[{number}].file_name')).parent.name
    image = dict(image)
    image.setdefault('id', image_id(folder, number))
    image.setdefault('frame_id', image['id'])
    image.setdefault('vid_id', folder.split('_')[0])
    image.setdefault('nframes', count)
    return image


def _annotations(source: Sequence[dict], known_images: set, order: Optional[Sequence[int]], num_joints: int,
                 skipped: Counter) -> List[dict]:
    annotations = []
    numbers: Counter = Counter()
    for ann in source:
        if ann.get('image_id') not in known_images:
            skipped['annotations of frames that are not listed'] += 1
            continue
        values = ann.get('keypoints') or [0] * (3 * num_joints)
        joints = reorder_joints(values, order) if len(values) == 3 * num_joints else None
        if joints is None:
            skipped['annotations with a wrong number of joints, or joints that are not numbers'] += 1
            continue
        annotations.append(finish_annotation(
            dict(ann, keypoints=joints), numbers[ann['image_id']], skipped))
        numbers[ann['image_id']] += 1
    return annotations
