"""Recorded motion: one array per clip in an npz, and a JSON that says what its columns are.

Shapes: F frames, J joints. Nothing is assumed about J, names, units or rates: the JSON says it, or (for the
unit and the vertical axis only) the body does. ``docs/lifting_comparison.md`` has the fields.
"""
import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from mmpose_gss.errors import UserError

from .joints import H36M_JOINTS, h36m_columns

SPLITS = ('train', 'test')
METRES = {'m': 1.0, 'metre': 1.0, 'meter': 1.0, 'metres': 1.0, 'meters': 1.0, 'cm': 0.01, 'mm': 0.001,
          'inch': 0.0254, 'in': 0.0254}
UPRIGHT = {  # rows: the new x, y and z (up) in the file's axes; all are rotations
    'z': ((1, 0, 0), (0, 1, 0), (0, 0, 1)), '-z': ((1, 0, 0), (0, -1, 0), (0, 0, -1)),
    'y': ((1, 0, 0), (0, 0, -1), (0, 1, 0)), '-y': ((1, 0, 0), (0, 0, 1), (0, -1, 0)),
    'x': ((0, 1, 0), (0, 0, 1), (1, 0, 0)), '-x': ((0, 1, 0), (0, 0, -1), (-1, 0, 0))}
BODY_METRES = (0.5, 3.0)  # the largest extent of a body, from a crouching child to raised arms
LONGEST_GAP = 0.2  # seconds that are interpolated; a longer gap cuts the clip


@dataclass(frozen=True)
class Skeleton:
    """What the JSON says.

    Attributes:
        names (tuple[str]): J names.
        parents (tuple[int]): J indices; a root is its own parent.
        fps (float): Frames per second of the recording.
        unit (str, optional): A key of ``METRES``.
        up (str, optional): A key of ``UPRIGHT``.
    """
    names: Tuple[str, ...]
    parents: Tuple[int, ...]
    fps: float
    unit: Optional[str]
    up: Optional[str]


@dataclass(frozen=True)
class Motion:
    """Recorded motion in metres, z up, the lowest point of each clip on the ground.

    Attributes:
        clips (dict[str, list[tuple[str, ndarray]]]): Split -> names and joints ``(F,J,3)``. A clip that a gap
            has cut comes in several pieces of one name.
        skeleton (Skeleton): Names and parents of the J columns.
        notes (list[str]): What was left out or deduced, a sentence each.
    """
    clips: Dict[str, List[Tuple[str, np.ndarray]]]
    skeleton: Skeleton
    notes: List[str] = field(default_factory=list)


def read_motion(path: Path, skeleton_path: Optional[Path] = None, fps: Optional[float] = None) -> Motion:
    """Read a file of clips and the JSON beside it.

    Args:
        path (Path): npz with arrays ``(F,J,3)``, keys ``train/<clip>`` and ``test/<clip>``; without such keys
            every fourth clip by name is held out.
        skeleton_path (Path, optional): The JSON; ``None`` looks beside the npz.
        fps (float, optional): Of the recording, where the JSON does not say it.

    Returns:
        Motion: All clips.

    Raises:
        UserError: If a file cannot be read or does not fit the other, naming what to change.
    """
    path = Path(path)
    arrays = _read_arrays(path)
    skeleton_path = Path(skeleton_path) if skeleton_path else find_skeleton(path)
    skeleton = read_skeleton(skeleton_path, fps)
    notes: List[str] = []
    for name, array in arrays.items():
        _check_clip(path, name, array, skeleton, skeleton_path)
    splits = _split(path, arrays, notes)
    rotation, scale = _placement(path, arrays, skeleton, skeleton_path, notes)
    clips: Dict[str, List[Tuple[str, np.ndarray]]] = {split: [] for split in SPLITS}
    for split, names in splits.items():
        for name in names:
            pieces = _without_gaps(arrays[name].astype(np.float64), skeleton.fps)
            if len(pieces) != 1 or len(pieces[0]) != len(arrays[name]):
                notes.append(f'{name} was cut at frames with values that are not finite')
            for piece in pieces:
                upright = piece @ rotation.T * scale
                upright[..., 2] -= upright[..., 2].min()
                clips[split].append((name.split('/', 1)[-1], upright))
        if not clips[split]:
            raise UserError(f'{path} has no {split} clip with two frames of finite values; add one under '
                            f'{split}/<clip>')
    return Motion(clips, skeleton, notes)


def find_skeleton(path: Path) -> Path:
    """The JSON of an npz: the same stem, or skeleton.json, or the only JSON of the folder.

    Raises:
        UserError: If there is none, or several and none of these names.
    """
    for candidate in (path.with_suffix('.json'), path.parent / 'skeleton.json'):
        if candidate.is_file():
            return candidate
    found = sorted(path.parent.glob('*.json'))
    if len(found) != 1:
        what = 'no JSON' if not found else (
            f'{len(found)} JSON files, none called {path.stem}.json or skeleton.json,')
        raise UserError(f'{path.parent} has {what} with the joint names and parents of {path.name}; put '
                        f'{path.stem}.json beside it or name the file with --skeleton')
    return found[0]


def read_skeleton(path: Path, fps: Optional[float] = None) -> Skeleton:
    """Read names, parents, rate, unit and vertical axis.

    Args:
        path (Path): JSON object: ``joint_names`` (or ``names``, ``joints``, any key that begins with
            ``joint_names``), ``parents`` (indices or names; -1, null or itself for a root), ``fps``,
            ``unit``, ``up``.
        fps (float, optional): Stands in for a missing ``fps``.

    Raises:
        UserError: If the file or a field is missing or wrong.
    """
    try:
        data = json.loads(Path(path).read_text(encoding='utf-8'))
    except OSError as error:
        raise UserError(f'{path} cannot be read ({error.strerror}); it must hold joint names and '
                        'parents') from error
    except ValueError as error:
        raise UserError(f'{path} is not JSON ({error}); it must hold joint names and parents') from error
    if not isinstance(data, dict):
        raise UserError(f'{path} must be a JSON object with joint_names, parents and fps, not a '
                        f'{type(data).__name__}')
    names = _names(path, data)
    parents = _parents(path, data, names)
    rate = next((data[key] for key in ('fps', 'frame_rate', 'framerate') if key in data), fps)
    if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 1 <= rate <= 10000:
        raise UserError(f"{path} needs 'fps', the frames per second of the recording, from 1 to 10000, got "
                        f'{rate!r}; add it or give --source-fps')
    return Skeleton(names, parents, float(rate), _choice(path, data, ('unit', 'units'), METRES),
                    _choice(path, data, ('up', 'up_axis'), UPRIGHT))


def _names(path: Path, data: Dict[str, Any]) -> Tuple[str, ...]:
    keys = ['joint_names', 'names', 'joints', 'keypoint_names', 'keypoints']
    keys += sorted(key for key in data if key.startswith('joint_names'))
    for key in keys:
        value = data.get(key)
        if isinstance(value, list) and value and all(isinstance(name, str) for name in value):
            if len(set(value)) != len(value):
                twice = next(name for name in value if value.count(name) > 1)
                raise UserError(
                    f'{path} names the joint {twice!r} twice in {key!r}; give every joint its own name')
            return tuple(value)
    raise UserError(f"{path} has no list of joint names; add 'joint_names', one string per joint")


def _parents(path: Path, data: Dict[str, Any], names: Sequence[str]) -> Tuple[int, ...]:
    value = data.get('parents', data.get('joint_parents'))
    if not isinstance(value, list) or len(value) != len(names):
        got = f'{len(value)} entries' if isinstance(value, list) else 'none'
        raise UserError(
            f"{path} needs 'parents', one per joint name ({len(names)}; -1 for the root), and has {got}")
    parents = []
    for joint, parent in enumerate(value):
        if isinstance(parent, str) and parent in names:
            parent = names.index(parent)
        if parent is None or parent == -1:
            parent = joint
        if isinstance(parent, bool) or not isinstance(parent, int) or not 0 <= parent < len(names):
            raise UserError(f'{path}: the parent of {names[joint]!r} is {value[joint]!r}, which is neither '
                            f'a joint name nor an index from 0 to {len(names) - 1}, nor -1 for a root')
        parents.append(parent)
    for joint in range(len(parents)):
        at, steps = joint, 0
        while parents[at] != at:
            at, steps = parents[at], steps + 1
            if steps > len(parents):
                raise UserError(f'{path}: the parents of {names[joint]!r} run in a circle; a root needs -1')
    return tuple(parents)


def _choice(path: Path, data: Dict[str, Any], keys: Sequence[str], allowed: Dict[str, Any]) -> Optional[str]:
    value = next((data[key] for key in keys if data.get(key) is not None), None)
    if value is None:
        return None
    text = str(value).lower().lstrip('+')
    if text not in allowed:
        raise UserError(f'{path}: {keys[0]!r} is {value!r}; it must be one of {", ".join(allowed)}')
    return text


def _read_arrays(path: Path) -> Dict[str, np.ndarray]:
    try:
        archive = np.load(path, allow_pickle=False)
    except OSError as error:
        raise UserError(f'{path} cannot be read ({error.strerror or error}); name an npz of clips') from error
    except (ValueError, EOFError, zipfile.BadZipFile):
        raise UserError(f'{path} is not an npz file of numbers; save it with numpy.savez') from None
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise UserError(f'{path} holds one array, not clips by name; save it with numpy.savez')
    arrays = {}
    with archive:
        prefixed = any(name.startswith(tuple(f'{split}/' for split in SPLITS)) for name in archive.files)
        for name in archive.files:
            if prefixed and not name.startswith(tuple(f'{split}/' for split in SPLITS)):
                continue
            try:
                arrays[name] = archive[name]
            except (ValueError, EOFError, OSError, zipfile.BadZipFile, zipfile.error):
                raise UserError(f'{path}: {name} cannot be read as an array of numbers; save the clips '
                                'again') from None
    if not prefixed:  # other entries, such as a rate, may stand beside the clips
        arrays = {name: array for name, array in arrays.items() if array.ndim == 3}
    if not arrays:
        raise UserError(
            f'{path} holds no clip; save arrays (frames, joints, 3) as train/<clip> and test/<clip>')
    return arrays


def _split(path: Path, arrays: Dict[str, np.ndarray], notes: List[str]) -> Dict[str, List[str]]:
    splits = {split: sorted(name for name in arrays if name.startswith(f'{split}/')) for split in SPLITS}
    if not any(splits.values()):
        names = sorted(arrays)
        splits = {'train': [n for i, n in enumerate(names) if i % 4 != 3], 'test': names[3::4]}
        notes.append('the file names no split: every fourth clip by name is held out')
    for split, names in splits.items():
        if not names:
            raise UserError(f'{path} has no {split} clips; name arrays {split}/<clip>, or give at least '
                            'four clips without a split')
    return splits


def _check_clip(path: Path, name: str, array: np.ndarray, skeleton: Skeleton, skeleton_path: Path) -> None:
    joints = len(skeleton.names)
    if array.ndim != 3 or array.shape[2] != 3 or not np.issubdtype(array.dtype, np.number) \
            or np.iscomplexobj(array):
        raise UserError(f'{path}: {name} is {array.dtype} of shape {array.shape}; a clip is numbers of shape '
                        '(frames, joints, 3)')
    if array.shape[1] != joints:
        raise UserError(f'{path}: {name} has {array.shape[1]} joints, but {skeleton_path} names {joints}; '
                        'give one name and parent per column')


def _placement(path: Path, arrays: Dict[str, np.ndarray], skeleton: Skeleton, skeleton_path: Path,
               notes: List[str]) -> Tuple[np.ndarray, float]:
    """The rotation that makes z the vertical, and metres per unit."""
    parts = [array[::max(1, len(array) // 20)] for array in arrays.values()]
    sample = np.concatenate(parts).astype(np.float64)
    sample = sample[np.isfinite(sample).all((1, 2))]
    if not len(sample):
        raise UserError(f'{path} has no frame in which all values are finite; interpolate the gaps first')
    extent = float(np.median(np.ptp(sample, axis=1).max(1)))
    unit = skeleton.unit
    if unit is None:
        low, high = BODY_METRES
        unit = next((u for u in ('m', 'cm', 'mm') if low <= extent * METRES[u] <= high), None)
        if unit is None:
            raise UserError(f"{skeleton_path} names no 'unit', and bodies of {extent:.3g} fit none of m, cm "
                            "and mm; add 'unit'")
        notes.append(f'{skeleton_path.name} names no unit: bodies of {extent:.3g} are taken for {unit}')
    elif not BODY_METRES[0] / 5 <= extent * METRES[unit] <= BODY_METRES[1] * 5:
        raise UserError(f'{skeleton_path}: with unit {unit!r} the bodies of {path.name} are '
                        f"{extent * METRES[unit]:.3g} m large; correct 'unit'")
    up = skeleton.up
    if up is None:
        up = _deduced_up(sample, skeleton, skeleton_path)
        notes.append(f'{skeleton_path.name} names no vertical axis: the heads point along {up}')
    return np.array(UPRIGHT[up], dtype=np.float64), METRES[unit]


def _deduced_up(sample: np.ndarray, skeleton: Skeleton, skeleton_path: Path) -> str:
    columns = h36m_columns(skeleton.names, skeleton.parents)
    if columns is None:
        raise UserError(f"{skeleton_path} names no vertical axis and no heads and feet to see it by; add "
                        f"'up' (one of {', '.join(UPRIGHT)})")
    weights = columns.weights
    head, feet = H36M_JOINTS.index('head'), [H36M_JOINTS.index(f'{side}_foot') for side in ('left', 'right')]
    rise = np.median(weights[head] @ sample - (weights[feet].mean(0) @ sample), axis=0)
    axis = int(np.abs(rise).argmax())
    return ('-' if rise[axis] < 0 else '') + 'xyz'[axis]


def _without_gaps(joints: np.ndarray, fps: float) -> List[np.ndarray]:
    """Short gaps interpolated, joint by joint; the pieces between longer ones."""
    good = np.isfinite(joints).all(-1)  # (F, J)
    if good.all():
        return [joints] if len(joints) > 1 else []
    joints, longest = joints.copy(), max(1, int(LONGEST_GAP * fps))
    filled = good.copy()
    frames = np.arange(len(joints))
    for joint in range(joints.shape[1]):
        known = frames[good[:, joint]]
        for before, after in zip(known[:-1], known[1:]):
            if 1 < after - before <= longest + 1:
                between = np.arange(before + 1, after)
                share = ((between - before) / (after - before))[:, None]
                joints[between, joint] = (1 - share) * joints[before, joint] + share * joints[after, joint]
                filled[between, joint] = True
    whole = filled.all(1)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], whole.astype(int), [0]])))
    return [joints[a:b] for a, b in zip(edges[::2], edges[1::2]) if b - a > 1]
