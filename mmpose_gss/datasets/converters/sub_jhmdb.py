"""Sub-JHMDB: Matlab joints and puppet masks to MMPose's COCO-style files of the three splits."""
from __future__ import annotations

import re
from collections import Counter, defaultdict
from functools import partial
from pathlib import Path
from typing import Dict, List, Optional, Tuple

import numpy as np

from mmpose_gss.datasets.converters.coco_files import convert_videos, link_images, visible_files, write_split
from mmpose_gss.datasets.converters.report import Report
from mmpose_gss.errors import UserError
from mmpose_gss.structures.mat_file import read_mat
from mmpose_gss.structures.safe_names import safe_name
from mmpose_gss.structures.schema import content_of
from mmpose_gss.structures.skeletons import JHMDB

KNOWN_SUB_JHMDB = {'clips': {'videos': 316}}
JOINTS = JHMDB.names
CATEGORIES = [dict(
    supercategory='person', id=1, name='person', keypoints=list(JOINTS),
    skeleton=[[1, 3], [1, 4], [1, 5], [1, 2], [4, 8], [8, 12], [5, 9], [9, 13], [2, 6], [2, 7], [6, 10],
              [10, 14], [7, 11], [11, 15]])]
_SPLIT_FILE = re.compile(r'^(?P<action>.+)_test_split_?(?P<split>[123])\.txt$')
_SUBSETS = {'1': 'train', '2': 'test'}
# COCO's flag of a visible joint; all joints of JHMDB are annotated.
VISIBLE = 2.0


def convert_sub_jhmdb(source: str, out: str, overwrite: bool = False) -> Report:
    """Convert Sub-JHMDB.

    Coordinates stay in Matlab's 1-based pixels, as in MMPose's files; the data set class shifts them.

    Args:
        source (str): Folder with ``joint_positions/``, ``puppet_mask/``, ``sub_splits/`` and
            ``Rename_Images/``.
        out (str): Folder for ``annotations/Sub{1,2,3}_{train,test}.json``, one file per clip in
            ``annotations/clips/``, and a link to the images.
        overwrite (bool): Whether to convert again what is there. Defaults to False.

    Returns:
        Report: What was found. Its split ``clips`` counts every clip once.

    Raises:
        FileNotFoundError: If the splits, or a clip's joints, are missing.
        UserError: If a file is not as JHMDB's.
    """
    root, target = Path(source), Path(out)
    splits = read_splits(root / 'sub_splits')
    clips = sorted({clip for members in splits.values() for clip in members})
    number = {clip: i for i, clip in enumerate(clips, start=1)}
    report = Report('sub_jhmdb', KNOWN_SUB_JHMDB)
    files = [root / 'joint_positions' / clip / 'joint_positions.mat' for clip in clips]
    for path in files:
        if not path.is_file():
            raise FileNotFoundError(f'"{path}" is missing; unpack joint_positions.zip into "{root}".')
    targets = [target / 'annotations' / 'clips' / f'{clip}.json' for clip in clips]
    convert = partial(convert_clip, root=root, number=number)
    converted = dict(zip(clips, convert_videos(files, targets, convert, 'clips', report, overwrite)))
    for name, members in sorted(splits.items()):
        videos = [converted[clip] for clip in sorted(members)]
        for video in videos:
            report.add(name, video, video['info']['skipped'])
        info = dict(description=f'Sub-JHMDB {name}', labels='joint_positions', videos=len(videos))
        write_split(target / 'annotations' / f'{name}.json', videos, CATEGORIES, info)
    link_images(root, target, 'Rename_Images')
    return report


def read_splits(folder: Path) -> Dict[str, List[str]]:
    """Read the lists of clips.

    Args:
        folder (Path): ``sub_splits``, with ``<action>_test_split_<n>.txt``: lines ``<clip>.avi <1 or 2>``.

    Returns:
        dict: ``Sub<n>_train`` and ``Sub<n>_test`` → ``<action>/<clip>``.

    Raises:
        FileNotFoundError: If there are no lists.
        UserError: If a line is not as it should be.
    """
    splits: Dict[str, List[str]] = defaultdict(list)
    for path in visible_files(folder, '*.txt'):
        match = _SPLIT_FILE.match(path.name)
        if match is None:
            continue
        for line in filter(None, map(str.strip, path.read_text().splitlines())):
            clip, _, subset = line.rpartition(' ')
            if subset not in ('0', *_SUBSETS) or not clip:
                raise UserError(f'"{path}": line "{line}" is not "<clip>.avi <1 or 2>".')
            if subset in _SUBSETS:
                name = safe_name(re.sub(r'\.avi$', '', clip.strip()), f'"{path}": a clip')
                splits[f'Sub{match["split"]}_{_SUBSETS[subset]}'].append(f'{match["action"]}/{name}')
    if not splits:
        raise FileNotFoundError(
            f'"{folder}" has no <action>_test_split_<n>.txt; unpack sub_splits.zip there.')
    return dict(splits)


def convert_clip(path: Path, root: Path, number: Dict[str, int]) -> Tuple[dict, Counter]:
    """Convert one clip.

    Args:
        path (Path): Its ``joint_positions.mat``.
        root (Path): The data set.
        number (dict): ``<action>/<clip>`` → number of the clip, for ids.

    Returns:
        tuple: The clip, and what was left out, by reason.

    Raises:
        FileNotFoundError: If its mask is missing.
        UserError: If joints or mask are not as JHMDB's.
    """
    with content_of(str(path), "in JHMDB's format"):
        return _converted(path, root, number)


def _converted(path: Path, root: Path, number: Dict[str, int]) -> Tuple[dict, Counter]:
    clip = f'{path.parent.parent.name}/{path.parent.name}'
    joints = _load(path, 'pos_img')
    if joints.ndim == 2:  # Matlab drops the last dimension of a single frame
        joints = joints[..., None]
    if joints.shape[:2] != (2, len(JOINTS)):
        raise UserError(
            f'"{path}": "pos_img" has shape {joints.shape}, but 2 x {len(JOINTS)} x frames is needed.')
    masks = _load(root / 'puppet_mask' / clip / 'puppet_mask.mat', 'part_mask')
    if masks.ndim == 2:
        masks = masks[..., None]
    frames = root / 'Rename_Images' / clip
    present = {frame.name for frame in visible_files(frames, '*.png')} if frames.is_dir() else None
    num_frames = joints.shape[2] if present is None else max(len(present), 1)
    skipped: Counter = Counter()
    images, annotations = [], []
    for i in range(joints.shape[2]):
        box = mask_box(masks[..., i]) if i < masks.shape[2] else None
        name = f'{i + 1:05d}.png'
        if box is None:
            skipped['frames without a puppet mask, i.e. without a box'] += 1
        elif present is not None and name not in present:
            skipped['annotated frames that are not on disk'] += 1
        elif not np.isfinite(joints[..., i]).all():
            skipped['frames whose joints are not numbers'] += 1
        else:
            identity = number[clip] * 10000 + i + 1
            images.append(dict(
                id=identity, frame_id=identity, vid_id=f'{number[clip]:05d}', nframes=num_frames,
                is_labeled=True, file_name=f'Rename_Images/{clip}/{name}', width=int(masks.shape[1]),
                height=int(masks.shape[0])))
            annotations.append(_annotation(joints[..., i], box, identity))
    return dict(images=images, annotations=annotations, categories=CATEGORIES), skipped


def _load(path: Path, field: str) -> np.ndarray:
    content = read_mat(path, unwrap=False)
    if field not in content:
        raise UserError(f'"{path}" has no "{field}"; it is not a file of JHMDB.')
    return np.asarray(content[field], dtype=np.float64)


def mask_box(mask: np.ndarray) -> Optional[List[float]]:
    """Give the box of a puppet mask, after LSTM Pose Machines' preparation.

    Args:
        mask (ndarray): ``(H, W)``, not 0 on the person.

    Returns:
        list[float] | None: x, y, width, height in 1-based pixels; None for a mask without extent.
    """
    rows, columns = np.nonzero(mask)
    if len(rows) == 0 or rows.min() == rows.max() or columns.min() == columns.max():
        return None
    return [float(columns.min()) + 1, float(rows.min()) + 1, float(columns.max() - columns.min()),
            float(rows.max() - rows.min())]


def _annotation(joints: np.ndarray, box: List[float], identity: int) -> dict:
    values = np.concatenate([joints.T, np.full((len(JOINTS), 1), VISIBLE)], axis=1)
    return dict(
        id=1000000000000 + identity, image_id=identity, category_id=1, track_id=0, iscrowd=0, bbox=box,
        area=box[2] * box[3], keypoints=values.reshape(-1).tolist(), num_keypoints=len(JOINTS), scores=[])
