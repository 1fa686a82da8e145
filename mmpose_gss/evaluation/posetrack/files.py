"""Reading PoseTrack17 and PoseTrack18/21 JSON files into ``PoseTrackVideo``.

Follows the public evaluator (poseval/convert.py and eval_helpers.py, load_data_dir): joints map by the
*names* in ``categories``, a joint is absent only if (x, y, flag) is (0, 0, 0), the score of joint j is
``scores[j]``, a missing one -9999, ears vanish.

Shape legend: F frames, P people, K joints in the file (15 or 17), 15 joints evaluated.
"""
import json
import os
import re
from typing import Dict, List, Optional

import numpy as np

from mmpose_gss.evaluation.posetrack.joints import NUM_JOINTS
from mmpose_gss.evaluation.posetrack.tables import MISSING_SCORE, PoseTrackFileError, PoseTrackVideo
from mmpose_gss.structures.skeletons import HEAD_SIZE_FACTOR, POSETRACK17_JOINTS


def load_video(path: str, ground_truth: bool) -> PoseTrackVideo:
    """Read one video's file.

    Args:
        path: a JSON file in PoseTrack17 (``annolist``) or PoseTrack18/21 format.
        ground_truth: what the file is: ground truth needs head boxes, a prediction scores.

    Returns:
        PoseTrackVideo: people in file order; its name is that of the file without ending.

    Raises:
        PoseTrackFileError: the file is not JSON or cannot be evaluated.
    """
    with open(path, 'rb') as file:
        try:
            data = json.loads(file.read())
        except ValueError as error:
            raise PoseTrackFileError(f'{path}: not a JSON file ({error}); write it anew.') from None
    name = os.path.splitext(os.path.basename(path))[0]
    return parse_video(data, name, path, ground_truth)


def parse_video(data: dict, name: str, source: str, ground_truth: bool) -> PoseTrackVideo:
    """Turn the content of one video's file, either format, into arrays; see ``load_video``."""
    if not isinstance(data, dict):
        raise PoseTrackFileError(f'{source}: the top level is a {type(data).__name__}, but must be an object '
                                 'with "images", "annotations" and "categories".')
    parse = _parse17 if 'annolist' in data else _parse18
    try:
        video = parse(data, name, source, ground_truth)
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise PoseTrackFileError(f'{source}: not in PoseTrack format ({type(error).__name__}: {error}); '
                                 'compare it with the ground-truth file of the video.') from error
    video.check()
    return video


# PoseTrack18 and 21

def _parse18(data: dict, name: str, source: str, ground_truth: bool) -> PoseTrackVideo:
    for entry in ('images', 'annotations'):
        if not isinstance(data.get(entry), list):
            raise PoseTrackFileError(
                f'{source}: no "{entry}" entry; a PoseTrack18 file has "images", "annotations" and '
                '"categories", a PoseTrack17 file "annolist".')
    joint_names = _joint_names(data, source)
    images = data['images']
    keys = [_field(image, 'id', source, 'images') for image in images]
    index = {key: i for i, key in enumerate(keys)}
    if len(index) != len(keys):
        double = next(key for i, key in enumerate(keys) if key in keys[:i])
        raise PoseTrackFileError(
            f'{source}: frame id {double} stands more than once in "images"; list every frame once.')
    folder = _folder([image.get('file_name') for image in images], source)

    people = data['annotations']
    frames = [index.get(_field(person, 'image_id', source, 'annotations')) for person in people]
    notes = []
    stray = sum(frame is None for frame in frames)
    if stray:
        first = next(p['image_id'] for p, f in zip(people, frames) if f is None)
        notes.append(f'{source}: {stray} of {len(people)} annotations have an image_id that is not in '
                     f'"images" (the first {first}); they are left out, as in the public evaluator.')
        people = [p for p, f in zip(people, frames) if f is not None]
        frames = [f for f in frames if f is not None]

    frame = np.array(frames, dtype=np.int64)
    order = np.argsort(frame, kind='stable')
    people, frame = [people[i] for i in order], frame[order]
    take = np.array([joint_names.index(joint) for joint in POSETRACK17_JOINTS])
    keypoints = _keypoints(people, len(joint_names), source)[:, take]          # (P, 15, 3)
    score = np.zeros((len(people), NUM_JOINTS))
    if not ground_truth:
        score = _scores(people, len(joint_names), source, notes)[:, take]
    track, tracked = _track_ids([person.get('track_id') for person in people], source)
    return PoseTrackVideo(
        name=name, source=source, keys=keys,
        numbers=[_frame_number(image.get('file_name')) for image in images],
        regions=[_regions18(image, source) for image in images], frame=frame, xy=keypoints[..., :2],
        valid=(keypoints != 0).any(axis=-1),
        score=score, track=track, tracked=tracked, folder=folder, notes=tuple(notes),
        head=_head_sizes(people, source) if ground_truth else np.full(len(people), np.nan))


def _field(entry: dict, field: str, source: str, where: str):
    try:
        return entry[field]
    except (KeyError, TypeError):
        raise PoseTrackFileError(f'{source}: an entry of "{where}" has no "{field}"; every one needs '
                                 'it.') from None


def _joint_names(data: dict, source: str) -> List[str]:
    categories = data.get('categories')
    if not categories:
        raise PoseTrackFileError(
            f'{source}: no "categories" entry, so the order of its keypoints is unknown; copy "categories" '
            'from the ground-truth file of the video if the joints are in that order.')
    person = next((c for c in categories if c.get('name', 'person') == 'person'), None)
    names = list((person or {}).get('keypoints') or ())
    missing = [joint for joint in POSETRACK17_JOINTS if joint not in names]
    if missing or len(names) not in (15, 17) or len(set(names)) != len(names):
        raise PoseTrackFileError(
            f'{source}: "categories" names {len(names)} keypoints for "person"'
            + (f' and lacks {", ".join(missing)}' if missing else '')
            + '; name the 17 joints of PoseTrack18, or the 15 without the ears, once each.')
    return names


def _folder(file_names: List[Optional[str]], source: str) -> str:
    """Name of the one folder, which is the video, of the images."""
    folders = {os.path.dirname(name) for name in file_names if isinstance(name, str)}
    videos = sorted({os.path.basename(folder) for folder in folders})
    if len(videos) > 1:
        raise PoseTrackFileError(
            f'{source}: holds frames of {len(videos)} videos ({", ".join(videos[:3])}); write one file for '
            'each video.')
    return videos[0] if videos else ''


def _keypoints(people: List[dict], num_joints: int, source: str) -> np.ndarray:
    """(P, K, 3) float64."""
    values = [_field(person, 'keypoints', source, 'annotations') for person in people]
    for person, value in zip(people, values):
        if len(value) != 3 * num_joints:
            raise PoseTrackFileError(
                f'{source}: an annotation of frame {person["image_id"]} has {len(value)} values in '
                f'"keypoints", but "categories" names {num_joints} joints, which makes {3 * num_joints} (x, '
                'y, flag each).')
    try:
        return np.array(values, dtype=np.float64).reshape(len(people), num_joints, 3)
    except (TypeError, ValueError):
        raise PoseTrackFileError(
            f'{source}: "keypoints" holds something that is no number; write x, y, flag of every '
            'joint.') from None


def _scores(people: List[dict], num_joints: int, source: str, notes: List[str]) -> np.ndarray:
    """(P, K) float64."""
    values = [person.get('scores') or None for person in people]
    missing = sum(value is None for value in values)
    if missing:
        notes.append(_missing_scores(source, f'{missing} of {len(people)} people have no "scores"'))
    for person, value in zip(people, values):
        if value is not None and len(value) != num_joints:
            raise PoseTrackFileError(
                f'{source}: an annotation of frame {person["image_id"]} has {len(value)} "scores", but '
                f'"categories" names {num_joints} joints; give one score for each joint.')
    filler = [MISSING_SCORE] * num_joints
    try:
        scores = np.array([filler if v is None else v for v in values], dtype=np.float64)
        return scores.reshape(-1, num_joints)
    except (TypeError, ValueError):
        raise PoseTrackFileError(
            f'{source}: "scores" holds something that is no number; give one number for each '
            'joint.') from None


def _missing_scores(source: str, what: str) -> str:
    return (f'{source}: {what}; their joints count with {MISSING_SCORE:.0f}, as in the public evaluator, '
            'which makes AP depend on the order of the file (add one score for each joint).')


def _head_sizes(people: List[dict], source: str) -> np.ndarray:
    """0.6 of the diagonal of the head box (poseval/eval_helpers.py, getHeadSize): (P,) float64, pixels."""
    boxes = [person.get('bbox_head') for person in people]
    for person, box in zip(people, boxes):
        if box is None or len(box) != 4:
            raise PoseTrackFileError(
                f'{source}: an annotation of frame {person["image_id"]} has no "bbox_head" of four numbers, '
                'which measures its distances; use the official ground truth.')
    box = np.array(boxes, dtype=np.float64).reshape(-1, 4)
    # The sum and the difference are the evaluator's: x2 = x + w first, so that rounding is the same.
    return head_size(box[:, :2], box[:, :2] + box[:, 2:])


def head_size(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Head size from the corners of the head box, (P, 2) each: (P,) pixels."""
    side = high - low
    return HEAD_SIZE_FACTOR * np.sqrt((side * side).sum(axis=-1))


def _regions18(image: dict, source: str) -> Optional[list]:
    xs, ys = image.get('ignore_regions_x'), image.get('ignore_regions_y')
    if not xs or not ys:
        return None
    if not isinstance(xs[0], (list, tuple)):
        raise PoseTrackFileError(f'{source}: "ignore_regions_x" must be a list of lists, one for each '
                                 'region.')
    return [np.array(list(zip(x, y)), dtype=np.float64).reshape(-1, 2) for x, y in zip(xs, ys)]


# PoseTrack17

def _parse17(data: dict, name: str, source: str, ground_truth: bool) -> PoseTrackVideo:
    rects, frames, names, regions = [], [], [], []
    for i, entry in enumerate(data['annolist']):
        names.append(_first(_first(entry.get('image'), {}).get('name')))
        regions.append(_regions17(entry))
        rects.extend(entry.get('annorect') or ())
        frames.extend([i] * (len(rects) - len(frames)))
    numbers = [_frame_number(image) for image in names]
    based = [None if n is None else n - 1 for n in numbers]                     # names count from 1
    named = None not in based and len(set(based)) == len(based)

    shape = (len(rects), NUM_JOINTS)
    xy, valid = np.zeros(shape + (2, )), np.zeros(shape, dtype=bool)
    score = np.zeros(shape) if ground_truth else np.full(shape, MISSING_SCORE)
    has_points = np.zeros(len(rects), dtype=bool)
    missing = 0
    for p, rect in enumerate(rects):
        points = _points17(rect)
        has_points[p] = points is not None
        for point in points or ():
            joint = _first(point.get('id'))
            if joint is None or not 0 <= joint < NUM_JOINTS or valid[p, joint]:
                continue
            xy[p, joint] = _first(point['x']), _first(point['y'])
            valid[p, joint] = True
            if not ground_truth:
                missing += 'score' not in point
                score[p, joint] = _first(point.get('score'), MISSING_SCORE)
    notes = ()
    if missing:
        notes = (_missing_scores(source, f'{missing} of {int(valid.sum())} points have no "score"'), )
    track, tracked = _track_ids([_first(rect.get('track_id')) for rect in rects], source)
    return PoseTrackVideo(
        name=name, source=source, keys=based if named else list(range(len(names))), numbers=numbers,
        regions=regions, frame=np.array(frames, dtype=np.int64), xy=xy, valid=valid, score=score, track=track,
        tracked=tracked, folder=_folder(names, source), image_name='%08d.jpg', first_number=1,
        identified=False, notes=notes, has_points=has_points,
        head=_head_sizes17(rects, has_points, source) if ground_truth else np.full(len(rects), np.nan))


def _first(value, default=None):
    """PoseTrack17 files, once Matlab structs, wrap every value in a list."""
    if isinstance(value, (list, tuple)):
        value = value[0] if value else None
    return default if value is None else value


def _points17(rect: dict) -> Optional[list]:
    annopoints = _first(rect.get('annopoints'), {})
    return annopoints['point'] if 'point' in annopoints else None


def _head_sizes17(rects: List[dict], has_points: np.ndarray, source: str) -> np.ndarray:
    corners = np.full((len(rects), 4), np.nan)
    for p, rect in enumerate(rects):
        values = [_first(rect.get(side)) for side in ('x1', 'y1', 'x2', 'y2')]
        if None not in values:
            corners[p] = values
        elif has_points[p]:
            raise PoseTrackFileError(f'{source}: an "annorect" has no head box (x1, y1, x2, y2), which '
                                     'measures its distances; use the official ground truth.')
    return head_size(corners[:, :2], corners[:, 2:])


def _regions17(entry: dict) -> Optional[list]:
    regions = entry.get('ignore_regions')
    if not regions:
        return None
    return [np.array([(_first(point['x']), _first(point['y'])) for point in region.get('point') or ()],
                     dtype=np.float64).reshape(-1, 2) for region in regions]


# Both

def _track_ids(ids: list, source: str):
    tracked = np.array([value is not None for value in ids], dtype=bool)
    try:
        track = np.array([-1 if value is None else int(value) for value in ids], dtype=np.int64)
        whole = all(value is None or value == int(value) for value in ids)
    except (TypeError, ValueError):
        whole = False
    if not whole:
        raise PoseTrackFileError(f'{source}: a "track_id" is no whole number; write integers.')
    return track, tracked


def _frame_number(file_name: Optional[str]) -> Optional[int]:
    """Number of a frame in the name of its image (``000017.jpg``, ``00000017_crop.jpg``: 17)."""
    found = re.match(r'\d+', os.path.basename(file_name)) if isinstance(file_name, str) else None
    return int(found.group()) if found else None


def load_directories(gt_dir: str, pred_dir: str) -> Dict[str, tuple]:
    """Paths of ground truth and prediction of every video, paired by file name.

    Args:
        gt_dir: folder with one JSON file for each video.
        pred_dir: folder with files of the same names.

    Returns:
        dict: file name to (path of the ground truth, path of the prediction), sorted by name.

    Raises:
        PoseTrackFileError: a folder is missing or empty, or the two folders hold different videos.
    """
    names = {}
    for folder in (gt_dir, pred_dir):
        if not os.path.isdir(folder):
            raise PoseTrackFileError(f'{folder}: no such folder; give the folder with one JSON file per '
                                     'video.')
        names[folder] = sorted(n for n in os.listdir(folder) if n.endswith('.json'))
    if not names[gt_dir]:
        raise PoseTrackFileError(f'{gt_dir}: holds no .json file; give the folder with one JSON file per '
                                 'video.')
    missing = [n for n in names[gt_dir] if n not in names[pred_dir]]
    if missing:
        raise PoseTrackFileError(
            f'{pred_dir}: no prediction file {missing[0]} ({len(missing)} of {len(names[gt_dir])} videos '
            'lack one); write one file for each ground-truth file, with the same name.')
    unknown = [n for n in names[pred_dir] if n not in names[gt_dir]]
    if unknown:
        raise PoseTrackFileError(
            f'{os.path.join(pred_dir, unknown[0])}: prediction of an unknown video, {gt_dir} has no file of '
            f'that name ({len(unknown)} such files); remove or rename it.')
    return {n: (os.path.join(gt_dir, n), os.path.join(pred_dir, n)) for n in names[gt_dir]}
