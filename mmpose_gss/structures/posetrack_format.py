"""PoseTrack17, 18 and 21 files of one video: read into a ``PeopleVideo``, and written from one.

Follows the public evaluator (poseval/convert.py and eval_helpers.py, load_data_dir): joints map by the
*names* in ``categories``, a joint is absent only if (x, y, flag) is (0, 0, 0), the score of joint j is
``scores[j]``, a missing one -9999, ears vanish.

Shapes: F frames, P people, K joints in the file (15 or 17), 15 joints evaluated.
"""
from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from mmpose_gss.errors import UserError
from mmpose_gss.structures.annolist import parse_annolist
from mmpose_gss.structures.boxes import head_sizes
from mmpose_gss.structures.coco_format import joint_names, joint_scores, joint_triples, required
from mmpose_gss.structures.json_file import read_json
from mmpose_gss.structures.people_table import PeopleTable, PeopleVideo
from mmpose_gss.structures.schema import check_coco
from mmpose_gss.structures.skeletons import POSETRACK, POSETRACK17_JOINTS

# What the public evaluator gives a joint without a score (poseval/eval_helpers.py, MIN_SCORE).
MISSING_SCORE = -9999.0

# First digit of an image id by the second part of a video's name (poseval, posetrack18_id2fname.py).
_SOURCES = {'mpii': 1, 'bonn': 2, 'mpiinew': 3}
_OTHER_SOURCE = 4
# An image id is TSSSSSSFFFF: kind of source, number of the video, number of the frame from 0.
FRAMES_PER_VIDEO, VIDEOS_PER_SOURCE = 10**4, 10**6


def person_category(joints: Sequence[str] = POSETRACK.names, links: Sequence[Sequence[int]] = ()) -> dict:
    """Describe the person category of a file.

    Args:
        joints (Sequence[str]): Joint names in the order of ``keypoints``. Defaults to PoseTrack18's.
        links (Sequence): Pairs of joints, counted from 1, to be listed as ``skeleton``. Defaults to none.
    """
    category = dict(supercategory='person', id=1, name='person', keypoints=list(joints))
    if links:
        category['skeleton'] = [list(link) for link in links]
    return category


def image_id(video_name: str, number: int) -> int:
    """Give PoseTrack18's image id ``TSSSSSSFFFF`` of a frame.

    Args:
        video_name (str): E.g. ``'000342_mpii_test'``: number and source of the video.
        number (int): Number of the frame, counted from 0.

    Returns:
        int: The id.

    Raises:
        UserError: If the name does not begin with a number.
    """
    parts = video_name.split('_')
    if not parts[0].isdigit():
        raise UserError(
            f'Video "{video_name}" does not begin with its number, as in "000342_mpii_test"; rename it.')
    source = _SOURCES.get(parts[1] if len(parts) > 1 else '', _OTHER_SOURCE)
    return (source * VIDEOS_PER_SOURCE + int(parts[0])) * FRAMES_PER_VIDEO + number


def load_video(path: str, ground_truth: bool) -> PeopleVideo:
    """Read one video's file.

    Args:
        path (str): A JSON file in PoseTrack17 (``annolist``) or PoseTrack18/21 format.
        ground_truth (bool): What the file is: ground truth needs head boxes, a prediction scores.

    Returns:
        PeopleVideo: People in file order with the 15 joints that are evaluated; its name is that of the
        file without ending.

    Raises:
        UserError: If the file is not JSON or cannot be evaluated.
    """
    content = read_json(path)
    if isinstance(content, dict) and 'annolist' not in content:
        check_coco(content, str(path))
    return parse_video(content, Path(path).stem, str(path), ground_truth)


def parse_video(data: Any, name: str, source: str, ground_truth: bool) -> PeopleVideo:
    """Turn the content of one video's file, either format, into arrays.

    Args:
        data (dict): What the file holds.
        name (str): Name of the video.
        source (str): The file, for messages.
        ground_truth (bool): As for :func:`load_video`.

    Returns:
        PeopleVideo: As of :func:`load_video`.

    Raises:
        UserError: If the content cannot be evaluated.
    """
    if not isinstance(data, dict):
        raise UserError(f'{source}: the top level is a {type(data).__name__}, but must be an object with '
                        '"images", "annotations" and "categories".')
    parse = _parse17 if 'annolist' in data else _parse18
    try:
        video = parse(data, name, source, ground_truth)
    except UserError:
        raise
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise UserError(f'{source}: not in PoseTrack format ({type(error).__name__}: {str(error)[:200]}); '
                        'compare it with the ground-truth file of the video.') from error
    video.check()
    return video


# ---------------------------------------------------------------- PoseTrack18 and 21

def _parse18(data: dict, name: str, source: str, ground_truth: bool) -> PeopleVideo:
    for entry in ('images', 'annotations'):
        if not isinstance(data.get(entry), list):
            raise UserError(f'{source}: no "{entry}" entry; a PoseTrack18 file has "images", "annotations" '
                            'and "categories", a PoseTrack17 file "annolist".')
    joints = _evaluated_names(data, source)
    images = data['images']
    keys = [required(image, 'id', source, 'images') for image in images]
    index = {key: i for i, key in enumerate(keys)}
    if len(index) != len(keys):
        double = next(key for i, key in enumerate(keys) if key in keys[:i])
        raise UserError(
            f'{source}: frame id {double} stands more than once in "images"; list every frame once.')
    people, frame, notes = _people_of_frames(data['annotations'], index, source)
    table = PeopleTable.blank(joints, len(people))
    triples = joint_triples(people, len(joints), source)
    table.frame, table.xy, table.valid = frame, triples[..., :2], (triples != 0).any(axis=-1)
    table.track, table.tracked = _track_ids([person.get('track_id') for person in people], source)
    if ground_truth:
        table.head, odd = _head_sizes([_corners18(person.get('bbox_head'), source) for person in people],
                                      table.valid.any(axis=1), source, '"bbox_head"')
        notes += odd
    else:
        table.score, missing = joint_scores(people, len(joints), MISSING_SCORE, source)
        if missing:
            notes.append(_missing_scores(source, f'{missing} of {len(people)} people have no "scores"'))
    return PeopleVideo(
        name=name, source=source, keys=keys, file_names=_file_names(
            [image.get('file_name') for image in images], source),
        regions=[ignore_regions(image, source) for image in images],
        people=table.with_joints(POSETRACK17_JOINTS), notes=tuple(notes))


def _evaluated_names(data: dict, source: str) -> List[str]:
    """Give the joint names of a file, which must have the 15 that are evaluated."""
    if not data.get('categories'):
        raise UserError(
            f'{source}: no "categories" entry, so the order of its keypoints is unknown; copy "categories" '
            'from the ground-truth file of the video if the joints are in that order.')
    names = joint_names(data['categories']) or []
    missing = [joint for joint in POSETRACK17_JOINTS if joint not in names]
    if missing or len(names) not in (15, 17) or len(set(names)) != len(names):
        raise UserError(
            f'{source}: "categories" names {len(names)} keypoints for "person"'
            + (f' and lacks {", ".join(missing)}' if missing else '')
            + '; name the 17 joints of PoseTrack18, or the 15 without the ears, once each.')
    return names


def _people_of_frames(annotations: List[dict], index: Dict[int, int],
                      source: str) -> Tuple[List[dict], np.ndarray, List[str]]:
    """Sort people by frame, those of a frame in file order; strays are left out with a note."""
    frames = [index.get(required(person, 'image_id', source, 'annotations')) for person in annotations]
    listed = [i for i, frame in enumerate(frames) if frame is not None]
    notes = []
    if len(listed) < len(frames):
        first = annotations[frames.index(None)]['image_id']
        notes.append(f'{source}: {len(frames) - len(listed)} of {len(frames)} annotations have an image_id '
                     f'that is not in "images" (the first {first}); they are left out, as in the public '
                     'evaluator.')
    listed.sort(key=lambda i: frames[i])
    return ([annotations[i] for i in listed], np.array([frames[i] for i in listed], dtype=np.int64), notes)


def _file_names(names: List[Optional[str]], source: str) -> List[Optional[str]]:
    """Check that all images lie in one folder, which is the video."""
    folders = {os.path.dirname(name) for name in names if isinstance(name, str)}
    videos = sorted({os.path.basename(folder) for folder in folders})
    if len(videos) > 1:
        raise UserError(f'{source}: holds frames of {len(videos)} videos ({", ".join(videos[:3])}); write '
                        'one file for each video.')
    return [name if isinstance(name, str) else None for name in names]


def _missing_scores(source: str, what: str) -> str:
    return (f'{source}: {what}; their joints count with {MISSING_SCORE:.0f}, as in the public evaluator, '
            'which makes AP depend on the order of the file (add one score for each joint).')


def _corners18(box: Any, source: str) -> Optional[Tuple[float, ...]]:
    """Give the corners of a head box x, y, width, height; None if there is none."""
    if box is None or box == []:
        return None
    if not isinstance(box, (list, tuple)) or len(box) != 4 \
            or not all(isinstance(value, (int, float)) for value in box):
        raise UserError(f'{source}: a "bbox_head" is {str(box)[:60]}, but four numbers x, y, width, height '
                        'are needed; use the official ground truth.')
    # The sum and the difference are the evaluator's: x2 = x + w first, so that rounding is the same.
    return box[0], box[1], box[0] + box[2], box[1] + box[3]


def _head_sizes(heads: Sequence[Optional[Tuple[float, ...]]], measured: np.ndarray, source: str,
                field: str) -> Tuple[np.ndarray, List[str]]:
    """Measure the heads of ground-truth people.

    Args:
        heads (Sequence): Corners x1, y1, x2, y2 of P heads, None for a missing one.
        measured (ndarray): Whether the person has joints, whose distances need the head, ``(P,)`` bool.
        source (str): The file, for messages.
        field (str): How a message names the box.

    Returns:
        tuple: Pixels ``(P,)``, NaN where the head is missing, and sentences about odd ones.

    Raises:
        UserError: If a measured person's head is missing or not finite.
    """
    missing = np.array([head is None for head in heads], dtype=bool)
    if (missing & measured).any():
        first = int(np.flatnonzero(missing & measured)[0])
        raise UserError(f'{source}: person {first} (in the order of frames) has joints but '
                        f'no {field}, which measures their distances; use the official ground '
                        'truth.')
    corners = np.array([(np.nan, ) * 4 if head is None else head for head in heads],
                       dtype=np.float64).reshape(-1, 4)
    sizes = head_sizes(corners[:, :2], corners[:, 2:])
    odd = measured & ~np.isfinite(sizes)
    if odd.any():
        raise UserError(f'{source}: {int(odd.sum())} people have a {field} with a NaN or infinite number, '
                        'which measures the distances of their joints; use the official ground truth.')
    notes = []
    if missing.any():
        notes.append(f'{source}: {int(missing.sum())} people without joints have no {field}; nothing is '
                     'measured by it.')
    empty = measured & (sizes == 0)
    if empty.any():
        notes.append(f'{source}: {int(empty.sum())} of {int(measured.sum())} people have a {field} of no '
                     'size, so that their joints cannot be found, as in the public evaluator.')
    return sizes, notes


def ignore_regions(image: dict, source: str) -> Optional[List[np.ndarray]]:
    """Give the regions of an image in which people were not annotated.

    Args:
        image (dict): An entry of ``images``.
        source (str): The file, for messages.

    Returns:
        list[ndarray] | None: Corners of each polygon in pixels, ``(V, 2)`` float64; None if there is none.

    Raises:
        UserError: If the entry is not a list of lists.
    """
    xs, ys = image.get('ignore_regions_x'), image.get('ignore_regions_y')
    if not xs or not ys:
        return None
    if not isinstance(xs[0], (list, tuple)):
        raise UserError(f'{source}: "ignore_regions_x" must be a list of lists, one for each region.')
    return [np.array(list(zip(x, y)), dtype=np.float64).reshape(-1, 2) for x, y in zip(xs, ys)]


def video_content(video: PeopleVideo) -> dict:
    """Write people in PoseTrack18's format, every frame of the video listed.

    Args:
        video (PeopleVideo): Predictions; people are sorted by frame.

    Returns:
        dict: ``images``, ``annotations`` (with ``scores``, ``score`` where a box has one, ``track_id`` of
        those tracked) and ``categories``, to be written as JSON.
    """
    images = [{'id': key, 'file_name': video.image_name(i)} for i, key in enumerate(video.keys)]
    people = video.people
    triples = np.concatenate([people.xy, np.ones(people.valid.shape + (1, ))], axis=2)
    triples[~people.valid] = 0
    annotations = []
    for i, frame in enumerate(people.frame.tolist()):
        entry = {'image_id': video.keys[frame], 'category_id': 1,
                 'keypoints': triples[i].reshape(-1).tolist(), 'scores': people.score[i].tolist()}
        if not np.isnan(people.person_score[i]):
            entry['score'] = float(people.person_score[i])
        if people.tracked[i]:
            entry['track_id'] = int(people.track[i])
        annotations.append(entry)
    return {'images': images, 'annotations': annotations, 'categories': [person_category(people.joints)]}


# ---------------------------------------------------------------- PoseTrack17

def _parse17(data: dict, name: str, source: str, ground_truth: bool) -> PeopleVideo:
    frames = parse_annolist(data, source)
    names = _file_names([frame.name for frame in frames], source)
    people = [(i, person) for i, frame in enumerate(frames) for person in frame.people]
    table = PeopleTable.blank(POSETRACK17_JOINTS, len(people))
    table.frame = np.array([i for i, _ in people], dtype=np.int64)
    table.track, table.tracked = _track_ids([person.track_id for _, person in people], source)
    table.has_points = np.array([person.points is not None for _, person in people], dtype=bool)
    notes: List[str] = []
    if not ground_truth:
        table.score[:] = MISSING_SCORE
    missing = 0
    for row, (_, person) in enumerate(people):
        for point in person.points or ():
            if not 0 <= point.joint < len(table.joints) or table.valid[row, point.joint]:
                continue
            table.xy[row, point.joint] = point.x, point.y
            table.valid[row, point.joint] = True
            if not ground_truth and point.score is None:
                missing += 1
            elif not ground_truth:
                table.score[row, point.joint] = point.score
    if ground_truth:
        table.head, notes = _head_sizes([person.head for _, person in people], table.valid.any(axis=1),
                                        source, 'head box (x1, y1, x2, y2)')
    if missing:
        notes = [_missing_scores(source, f'{missing} of {int(table.valid.sum())} points have no "score"')]
    video = PeopleVideo(
        name=name, source=source, keys=list(range(len(frames))), file_names=names,
        regions=[_regions17(frame.ignore_regions) for frame in frames], people=table, first_number=1,
        identified=False, notes=tuple(notes))
    if None not in video.numbers and len(set(video.numbers)) == len(frames):
        video.keys = [number - video.first_number for number in video.numbers]
    return video


def _regions17(regions: list) -> Optional[List[np.ndarray]]:
    arrays = [np.array(list(zip(xs, ys)), dtype=np.float64).reshape(-1, 2) for xs, ys in regions]
    return arrays or None


# ---------------------------------------------------------------- both

def _track_ids(ids: list, source: str) -> Tuple[np.ndarray, np.ndarray]:
    """Give track ids ``(P,)`` int64, -1 for none, and which there are ``(P,)``."""
    tracked = np.array([value is not None for value in ids], dtype=bool)
    try:
        track = np.array([-1 if value is None else int(value) for value in ids], dtype=np.int64)
        whole = all(value is None or value == int(value) for value in ids)
    except (TypeError, ValueError, OverflowError):
        whole = False
    if not whole:
        raise UserError(f'{source}: a "track_id" is no whole number; write integers.')
    return track, tracked
