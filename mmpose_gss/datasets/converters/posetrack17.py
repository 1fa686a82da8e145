"""PoseTrack17: Matlab or JSON files of each video to PoseTrack18's format."""
from __future__ import annotations

import os.path as osp
from collections import Counter
from functools import partial
from pathlib import Path
from typing import List, Tuple

import numpy as np

from mmpose_gss.datasets.converters.annotation_fields import CATEGORIES, add_sizes, finish_annotation
from mmpose_gss.datasets.converters.coco_files import convert_splits, find_splits, link_images
from mmpose_gss.datasets.converters.report import Report
from mmpose_gss.errors import UserError
from mmpose_gss.structures.annolist import Frame17, Person17, read_annolist
from mmpose_gss.structures.posetrack_format import image_id
from mmpose_gss.structures.safe_names import inside
from mmpose_gss.structures.schema import content_of
from mmpose_gss.structures.skeletons import POSETRACK, POSETRACK17_JOINTS

KNOWN17 = {'train': {'videos': 250}, 'val': {'videos': 50}}
# Where the common renaming, frames 00000001.jpg, 00000002.jpg, … in every video, puts the frames.
RENAMED_FOLDER = 'images_renamed'


def convert_posetrack17(source: str, out: str, overwrite: bool = False,
                        keep_occluded: bool = False) -> Report:
    """Convert PoseTrack17.

    Frames keep their original names, in the order of the annotation file, unless the source has the frames
    of the common renaming (``images_renamed/<video>/%08d.jpg``, counted from 1) only.

    Args:
        source (str): Folder with ``annotations/{train,val}/*.mat`` or ``*.json`` (or
            ``posetrack_data/annotations/…``) and ``images/`` or ``images_renamed/``.
        out (str): Folder for ``annotations/posetrack17_{train,val}.json``, the per-video ground truth
            ``annotations/{train,val}/`` and a link to the images.
        overwrite (bool): Whether to convert again what is there. Defaults to False.
        keep_occluded (bool): Whether joints marked as not visible count as visible, i.e. are trained on, as
            in DetectAndTrack's files. Defaults to False.

    Returns:
        Report: What was found.

    Raises:
        FileNotFoundError: If there are no annotation files.
        UserError: If one is not in PoseTrack17's format.
    """
    root, target = Path(source), Path(out)
    report = Report('posetrack17', KNOWN17)
    splits = find_splits(root, ('annotations', 'posetrack_data/annotations'), ('.mat', '.json'))
    convert_splits(report, splits, target, partial(convert_video, root=root, keep_occluded=keep_occluded),
                   _label_version, CATEGORIES, overwrite, f'{keep_occluded=}')
    link_images(root, target, 'images', RENAMED_FOLDER)
    return report


def _label_version(split: str, files: List[Path]) -> str:
    return f'PoseTrack17, from {files[0].suffix} files'


def convert_video(path: Path, root: Path, keep_occluded: bool) -> Tuple[dict, Counter]:
    """Convert the file of one video.

    Args:
        path (Path): The file.
        root (Path): Folder to which names of frames are relative.
        keep_occluded (bool): Whether joints marked as not visible count as visible.

    Returns:
        tuple: The video, and what was left out, by reason.

    Raises:
        UserError: If the file is not in PoseTrack17's format.
    """
    frames = read_annolist(path)
    with content_of(str(path), "in PoseTrack17's format"):
        return _converted(frames, path, root, keep_occluded)


def _converted(frames: List[Frame17], path: Path, root: Path, keep_occluded: bool) -> Tuple[dict, Counter]:
    if not frames:
        raise UserError(f'"{path}": "annolist" has no frames.')
    unnamed = [number for number, frame in enumerate(frames) if not frame.name]
    if unnamed:
        raise UserError(f'"{path}": frame {unnamed[0]} of "annolist" has no image name; download it again.')
    for number, frame in enumerate(frames):
        inside(frame.name, f'"{path}": annolist[{number}].image.name')
    skipped: Counter = Counter()
    names = _frame_names(frames, root)
    video_name = osp.basename(osp.dirname(frames[0].name))
    images, annotations = [], []
    for number, (frame, name) in enumerate(zip(frames, names)):
        identity = image_id(video_name, number)
        image = dict(file_name=name, id=identity, frame_id=identity, vid_id=video_name.split('_')[0],
                     nframes=len(frames), is_labeled=frame.is_labeled, has_no_densepose=True)
        regions = [(xs, ys) for xs, ys in frame.ignore_regions if xs]
        if regions:
            image['ignore_regions_x'], image['ignore_regions_y'] = map(list, zip(*regions))
        images.append(image)
        for index, person in enumerate(frame.people):
            annotations.append(_annotation(person, identity, index, keep_occluded, skipped))
    add_sizes(images, root, skipped)
    return dict(images=images, annotations=annotations, categories=CATEGORIES), skipped


def _frame_names(frames: List[Frame17], root: Path) -> List[str]:
    """Give the names of the frames, original or renamed, whichever are on disk."""
    first = frames[0].name
    parts = osp.dirname(first).split('/')
    folder = '/'.join([RENAMED_FOLDER] + (parts[1:] if parts[0] == 'images' else parts))
    if not (root / first).is_file() and (root / folder).is_dir():
        return [f'{folder}/{number + 1:08d}.jpg' for number in range(len(frames))]
    return [frame.name for frame in frames]


def _annotation(person: Person17, identity: int, index: int, keep_occluded: bool, skipped: Counter) -> dict:
    keypoints = np.zeros((POSETRACK.num_joints, 3))
    for point in person.points or ():
        if not 0 <= point.joint < len(POSETRACK17_JOINTS):
            skipped['points with an unknown joint number'] += 1
        elif not np.isfinite([point.x, point.y]).all():
            skipped['points whose coordinates are not numbers'] += 1
        else:
            flag = 1 if point.visible is None or keep_occluded else point.visible
            keypoints[POSETRACK.index(POSETRACK17_JOINTS[point.joint])] = point.x, point.y, flag
    track = -1 if person.track_id is None else int(person.track_id)
    ann = dict(image_id=identity, keypoints=keypoints.reshape(-1).tolist(), track_id=track, scores=[])
    if person.head is not None:
        x1, y1, x2, y2 = person.head
        ann['bbox_head'] = [x1, y1, x2 - x1, y2 - y1]
    return finish_annotation(ann, index, skipped)
