"""Kinematic parents of a skeleton, which PoseMamba's limb reordering reads.

Shapes: J joints. A parent table is a tuple of J joint indices; a root is its own parent.
"""
from __future__ import annotations

from pathlib import Path
from typing import Optional, Sequence, Tuple, Union

from mmpose_gss.errors import UserError

#: Human3.6M, exactly as the index list of the official code has it (``CrossScan_plus_poselimbs`` in
#: ``lib/model/csms6s.py``). It is not the kinematic tree (joint 5 reads the root, joint 9 joint 8): trained
#: weights depend on it, so it is kept to the letter.
H36M_PARENTS = (0, 0, 1, 2, 3, 0, 4, 5, 6, 8, 11, 12, 13, 8, 14, 15, 16)

_ROOT_NAMES = ('root', 'pelvis', 'hip', 'bottom_torso', 'neck', 'nose')


def check_parents(parents: Sequence[int], num_joints: int) -> Tuple[int, ...]:
    """Check a parent table and return it as a tuple.

    Args:
        parents (Sequence[int]): The parent of every joint; a root is its own parent.
        num_joints (int): Number of joints.

    Raises:
        UserError: If its length is not ``num_joints`` or an entry is not a joint.
    """
    parents = tuple(int(p) for p in parents)
    if len(parents) != num_joints:
        raise UserError(
            f'joint_parents has {len(parents)} entries for num_joints={num_joints}; give one parent per '
            'joint, a root being its own parent')
    for joint, parent in enumerate(parents):
        if not 0 <= parent < num_joints:
            raise UserError(
                f'joint_parents[{joint}] is {parent}, but joints go from 0 to {num_joints - 1}; a root is '
                'its own parent')
    return parents


def parents_from_links(links: Sequence[Tuple[int, int]], num_joints: int, root: int) -> Tuple[int, ...]:
    """Turn the undirected links of a skeleton into parents, by a breadth-first walk from the root.

    A joint that no link reaches from the root becomes a root itself.

    Args:
        links (Sequence[tuple[int, int]]): Pairs of joints.
        num_joints (int): Number of joints.
        root (int): The joint to start from.

    Returns:
        tuple[int]: The parent of every joint.

    Raises:
        UserError: If the root or a link names a joint that does not exist.
    """
    if not 0 <= root < num_joints:
        raise UserError(f'root joint {root} does not exist in a skeleton of {num_joints} joints')
    neighbours = [[] for _ in range(num_joints)]
    for a, b in links:
        if not (0 <= a < num_joints and 0 <= b < num_joints):
            raise UserError(f'skeleton link ({a}, {b}) names a joint outside 0..{num_joints - 1}')
        neighbours[a].append(b)
        neighbours[b].append(a)
    parents = list(range(num_joints))
    seen, queue = {root}, [root]
    while queue:
        joint = queue.pop(0)
        for child in neighbours[joint]:
            if child not in seen:
                seen.add(child)
                parents[child] = joint
                queue.append(child)
    return tuple(parents)


def root_of(metainfo: dict) -> int:
    """Find the root: ``root_index`` of parsed metainfo, or a joint named root, pelvis, hip, …, or 0."""
    if 'root_index' in metainfo:
        return int(metainfo['root_index'])
    name2id = metainfo.get('keypoint_name2id', {})
    for name in _ROOT_NAMES:
        if name in name2id:
            return name2id[name]
    return 0


def parents_from_metainfo(metainfo: Union[dict, str], num_joints: Optional[int] = None) -> Tuple[int, ...]:
    """Find the parents of a dataset's skeleton.

    An entry ``joint_parents`` wins; Human3.6M gets the official list; any other skeleton's parents follow
    from its ``skeleton_links`` (see :func:`parents_from_links`).

    Args:
        metainfo (dict | str): Metainfo of MMPose, parsed or not, or ``dict(from_file=…)``; or the name of one
            of MMPose's datasets, such as ``'h36m'`` or ``'mpi_inf_3dhp'``.
        num_joints (int, optional): The number of joints to insist on.

    Returns:
        tuple[int]: The parent of every joint.

    Raises:
        UserError: If the skeleton is unknown or has another number of joints.
    """
    metainfo = load_metainfo(metainfo)
    count = len(metainfo.get('keypoint_id2name', ())) or metainfo.get('num_keypoints', 0)
    name = metainfo.get('dataset_name', 'the given metainfo')
    if num_joints is not None and count != num_joints:
        raise UserError(f'the skeleton of {name} has {count} joints, but num_joints={num_joints}')
    if metainfo.get('joint_parents') is not None:
        return check_parents(metainfo['joint_parents'], count)
    if name == 'h36m' and count == len(H36M_PARENTS):
        return H36M_PARENTS
    if not metainfo.get('skeleton_links'):
        raise UserError(f'{name} has no skeleton_links to take parents from; pass joint_parents=[…] instead')
    return parents_from_links(metainfo['skeleton_links'], count, root_of(metainfo))


def load_metainfo(metainfo: Union[dict, str]) -> dict:
    """Parse metainfo given as a dictionary, a config path in it, or a dataset's name in MMPose.

    Raises:
        UserError: If the name is of no dataset that MMPose describes.
    """
    from mmpose.datasets.datasets.utils import parse_pose_metainfo
    if isinstance(metainfo, str):
        path = f'configs/_base_/datasets/{metainfo}.py'
        if not _exists(path):
            raise UserError(
                f"unknown skeleton '{metainfo}': MMPose has no {path}; pass joint_parents=[…] (one parent "
                'per joint) or a metainfo dictionary')
        metainfo = dict(from_file=path)
    if 'keypoint_id2name' in metainfo:
        return metainfo
    return parse_pose_metainfo(dict(metainfo))


def _exists(path: str) -> bool:
    """Whether MMPose finds the file: here, in its repository or in its installed ``.mim``."""
    import mmpose
    package = Path(mmpose.__file__).parent
    return any((folder / path).is_file() for folder in (Path('.'), package.parent, package / '.mim'))
