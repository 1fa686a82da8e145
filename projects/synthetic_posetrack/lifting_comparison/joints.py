"""The 17 joints of Human3.6M from the joint names of another skeleton.

Fourteen joints are read by name: hips, knees, ankles, shoulders, elbows, wrists, a neck and a head. Root,
spine and thorax are means of hips and shoulders in every data set, since names such as ``root`` or ``thorax``
stand for different places in different skeletons.
"""
import re
from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np

H36M_JOINTS = ('root', 'right_hip', 'right_knee', 'right_foot', 'left_hip', 'left_knee', 'left_foot', 'spine',
               'thorax', 'neck_base', 'head', 'left_shoulder', 'left_elbow', 'left_wrist', 'right_shoulder',
               'right_elbow', 'right_wrist')
H36M_TREE = (0, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15)

#: Names without side, best first. A skeleton with an ``arm`` calls its collar bone ``shoulder``.
SIDED: Dict[str, Tuple[str, ...]] = {
    'hip': ('upleg', 'upperleg', 'uleg', 'thigh', 'hip'),
    'knee': ('knee', 'lowerleg', 'lowleg', 'shin', 'calf', 'leg'),
    'foot': ('ankle', 'foot'),
    'shoulder': ('upperarm', 'uparm', 'uarm', 'arm', 'shoulder'),
    'elbow': ('elbow', 'forearm', 'lowerarm', 'lowarm', 'farm'),
    'wrist': ('wrist', 'hand')}
HEADS = ('headtop', 'tophead', 'headend', 'headtip', 'topofhead', 'vertex', 'head')
NECKS = ('neckbase', 'headbottom', 'upperneck', 'neck1', 'neck', 'lowerneck', 'nose')
LIMBS = (('hip', 'knee', 'foot'), ('shoulder', 'elbow', 'wrist'))


@dataclass(frozen=True)
class H36MColumns:
    """How the 17 joints follow from the J of a file.

    Attributes:
        weights (ndarray): ``(17,J)``; joints are ``weights @ (F,J,3)``.
        used (dict[str, str]): Human3.6M's name -> the file's name, for the joints read by name.
    """
    weights: np.ndarray
    used: Dict[str, str]


def plain_name(name: str) -> str:
    """A joint name in lower case, without punctuation and a rig's prefix (``mixamorig:``)."""
    return re.sub(r'[^a-z0-9]', '', re.sub(r'^.*[:|]', '', name).lower())


def split_side(name: str) -> Tuple[str, str]:
    """Take the side off a joint name: ``left`` and ``right`` anywhere, l and r as an ending of their own or
    in front.

    Returns:
        tuple[str, str]: ``left``, ``right`` or ``''``, and the rest in lower case. A leading l or r may be a
        letter of the word (``lowerback``), so a side counts only where the rest means something or has a
        partner.
    """
    plain = plain_name(name)
    for side in ('left', 'right'):
        if side in plain:
            return side, plain.replace(side, '', 1)
    for side, letter in (('left', 'l'), ('right', 'r')):
        if re.search(rf'[^a-zA-Z0-9]{letter}$', name.lower()) or re.search(rf'[a-z]{letter.upper()}$', name):
            return side, plain[:-1]
    for side, letter in (('left', 'l'), ('right', 'r')):
        if plain.startswith(letter):
            return side, plain[1:]
    return '', plain


def mirrored_pairs(names: Sequence[str]) -> List[Tuple[int, int]]:
    """Pairs (left, right) of joints whose names differ in the side alone."""
    left, right = {}, {}
    for index, name in enumerate(names):
        side, rest = split_side(name)
        if side:
            (left if side == 'left' else right)[rest] = index
    return [(left[rest], right[rest]) for rest in left if rest in right]


def h36m_columns(names: Sequence[str], parents: Sequence[int]) -> Optional[H36MColumns]:
    """Find the 17 joints, or say that the names do not allow it.

    A reading that contradicts the parents (a knee that does not hang from its hip) is not trusted.

    Args:
        names (Sequence[str]): J names.
        parents (Sequence[int]): J parents; a root is its own.

    Returns:
        H36MColumns | None: ``None`` where a limb, the neck or the head is missing or ambiguous.
    """
    sided, middle = _by_name(names)
    found: Dict[str, int] = {}
    for side in ('left', 'right'):
        for part, options in SIDED.items():
            hits = [sided[side][option] for option in options if option in sided[side]]
            if not hits:
                return None
            found[f'{side}_{part}'] = hits[0]
    heads = [middle[option] for option in HEADS if option in middle]
    necks = [middle[option] for option in NECKS if option in middle]
    if not heads or not necks:
        return None
    found['head'], found['neck_base'] = heads[0], necks[0]
    if len(set(found.values())) != len(found) or not _consistent(found, parents):
        return None
    weights = np.zeros((len(H36M_JOINTS), len(names)))
    for name, column in found.items():
        weights[H36M_JOINTS.index(name), column] = 1.0
    of = {name: weights[i] for i, name in enumerate(H36M_JOINTS)}
    of['root'][:] = (of['left_hip'] + of['right_hip']) / 2
    of['thorax'][:] = (of['left_shoulder'] + of['right_shoulder']) / 2
    of['spine'][:] = (of['root'] + of['thorax']) / 2
    return H36MColumns(weights, {name: names[column] for name, column in found.items()})


def _by_name(names: Sequence[str]) -> Tuple[Dict[str, Dict[str, int]], Dict[str, int]]:
    sided: Dict[str, Dict[str, int]] = {'left': {}, 'right': {}}
    middle: Dict[str, int] = {}
    for index, name in enumerate(names):
        side, rest = split_side(name)
        middle.setdefault(plain_name(name), index)
        if side:
            sided[side].setdefault(rest, index)
    return sided, middle


def _consistent(found: Dict[str, int], parents: Sequence[int]) -> bool:
    """Whether every limb hangs together and no two limbs are one branch."""
    for side in ('left', 'right'):
        for limb in LIMBS:
            for upper, lower in zip(limb[:-1], limb[1:]):
                if found[f'{side}_{upper}'] not in ancestors(found[f'{side}_{lower}'], parents):
                    return False
    return not any(found[f'left_{part}'] in ancestors(found[f'right_{part}'], parents)
                   or found[f'right_{part}'] in ancestors(found[f'left_{part}'], parents) for part in SIDED)


def ancestors(joint: int, parents: Sequence[int]) -> List[int]:
    """The joints above a joint, nearest first; ``parents`` has no circles."""
    above = []
    while parents[joint] != joint:
        joint = parents[joint]
        above.append(joint)
    return above
