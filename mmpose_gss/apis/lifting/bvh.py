"""Write motion capture files (BVH) from 3D joints.

BVH has y up; joints of a camera (x right, y down, z away) are turned by 180 degrees about x.

Shapes: T frames, J = 17 joints of Human3.6M.
"""
from __future__ import annotations

from pathlib import Path
from typing import Dict, Iterator, List, Optional, Tuple, Union

import numpy as np
from scipy.spatial.transform import Rotation

from mmpose_gss.errors import UserError
from mmpose_gss.structures.skeletons import H36M
from mmpose_gss.structures.whole_file import whole_file

H36M_JOINTS = H36M.names

#: Human3.6M's tree: the parent of each joint by name; the root has none.
TREE = H36M.tree()
#: Directions of the bones in the rest pose: arms stretched out, y up, facing +z (left is +x).
REST = {
    'right_hip': (-1, 0, 0), 'right_knee': (0, -1, 0), 'right_foot': (0, -1, 0),
    'left_hip': (1, 0, 0), 'left_knee': (0, -1, 0), 'left_foot': (0, -1, 0), 'spine': (0, 1, 0),
    'thorax': (0, 1, 0), 'neck_base': (0, 1, 0), 'head': (0, 1, 0),
    'left_shoulder': (1, 0, 0), 'left_elbow': (1, 0, 0), 'left_wrist': (1, 0, 0),
    'right_shoulder': (-1, 0, 0), 'right_elbow': (-1, 0, 0), 'right_wrist': (-1, 0, 0),
}
_INDEX = {name: i for i, name in enumerate(H36M_JOINTS)}
_CHILDREN = {name: [child for child in H36M_JOINTS if TREE[child] == name] for name in H36M_JOINTS}


def camera_to_bvh(poses: np.ndarray) -> np.ndarray:
    """Turn camera axes ``(…,3)`` to y up: x, -y, -z."""
    return np.asarray(poses, dtype=np.float64) * np.array([1.0, -1.0, -1.0])


def solve_rotations(poses: np.ndarray) -> Tuple[np.ndarray, List[Rotation]]:
    """Find the bone lengths and rotations that place a rigid skeleton onto joints.

    A joint with one child turns the shortest way; root and thorax turn as fits all their children best.

    Args:
        poses (ndarray): ``(T,17,3)``, y up.

    Returns:
        tuple[ndarray, list[Rotation]]: Offsets ``(17,3)`` in the parent's frame (the median bone lengths
        along the rest pose), and per joint its T rotations relative to its parent.
    """
    offsets = np.zeros((len(H36M_JOINTS), 3))
    for name, parent in TREE.items():
        if parent:
            bone = poses[:, _INDEX[name]] - poses[:, _INDEX[parent]]
            length = np.median(np.linalg.norm(bone, axis=1))
            offsets[_INDEX[name]] = length * np.array(REST[name], dtype=np.float64)
    world: Dict[str, Rotation] = {}
    local: List[Optional[Rotation]] = [None] * len(H36M_JOINTS)
    for name in _depth_first('root'):
        parent = TREE[name]
        before = world[parent] if parent else Rotation.identity(len(poses))
        turn = Rotation.identity(len(poses))
        children = _CHILDREN[name]
        if children:
            # In the frame of the parent's rotation, so that a straight limb does not twist.
            bones = [before.inv().apply(poses[:, _INDEX[c]] - poses[:, _INDEX[name]]) for c in children]
            turn = _align(np.stack([offsets[_INDEX[c]] for c in children]), np.stack(bones, axis=1))
        local[_INDEX[name]] = turn
        world[name] = before * turn
    return offsets, local


def _align(rest: np.ndarray, bones: np.ndarray) -> Rotation:
    """Find rotations of vectors ``(C,3)`` onto ``(T,C,3)``, best in all; one turns the shortest way."""
    if len(rest) > 1:
        u, _, vt = np.linalg.svd(np.einsum('ci,tcj->tij', rest, bones))
        sign = np.ones((len(bones), 3))
        sign[:, 2] = np.sign(np.linalg.det(u @ vt))
        return Rotation.from_matrix(np.einsum('tji,tj,tkj->tik', vt, sign, u))
    a = rest[0] / max(np.linalg.norm(rest[0]), 1e-12)
    b = bones[:, 0] / np.maximum(np.linalg.norm(bones[:, 0], axis=1, keepdims=True), 1e-12)
    cross, dot = np.cross(a, b), b @ a
    other = np.cross(a, [1.0, 0, 0] if abs(a[0]) < 0.9 else [0, 1.0, 0])  # an axis for a half turn
    quaternion = np.concatenate([cross, 1 + dot[:, None]], axis=1)
    half = dot < -1 + 1e-9
    quaternion[half] = np.append(other / np.linalg.norm(other), 0)
    return Rotation.from_quat(quaternion)


def forward_kinematics(offsets: np.ndarray, local: List[Rotation], root: np.ndarray) -> np.ndarray:
    """Place the joints of a skeleton.

    Args:
        offsets (ndarray): ``(17,3)`` in the parent's frame.
        local (list[Rotation]): Per joint its T rotations relative to its parent.
        root (ndarray): ``(T,3)``, the root's path.

    Returns:
        ndarray: Joints ``(T,17,3)``.
    """
    poses = np.zeros((len(root), len(H36M_JOINTS), 3))
    world: Dict[str, Rotation] = {}
    for name in _depth_first('root'):
        parent = TREE[name]
        index = _INDEX[name]
        if parent:
            poses[:, index] = poses[:, _INDEX[parent]] + world[parent].apply(offsets[index])
            world[name] = world[parent] * local[index]
        else:
            poses[:, index], world[name] = root, local[index]
    return poses


def write_bvh(path: Union[str, Path], keypoints_3d: np.ndarray, fps: float) -> None:
    """Write a track as BVH, in centimetres; the root stands still, as lifting tells no path.

    Bones keep their median length, so joints of a stretching skeleton end up near, not at, their positions.

    Args:
        path (str | Path): The file.
        keypoints_3d (ndarray): ``(T,17,3)`` in m, in the camera's axes.
        fps (float): Frames per second.

    Raises:
        UserError: If the shape does not fit, values are not finite, or fps is not positive.
    """
    keypoints_3d = np.asarray(keypoints_3d)
    if keypoints_3d.ndim != 3 or keypoints_3d.shape[1:] != (len(H36M_JOINTS), 3) or not len(keypoints_3d):
        raise UserError(f'BVH needs joints (T,17,3), got {keypoints_3d.shape}')
    if not np.isfinite(keypoints_3d).all() or not fps > 0:
        raise UserError('BVH needs finite joints and a positive frame rate')
    poses = camera_to_bvh(keypoints_3d) * 100
    offsets, local = solve_rotations(poses)
    lines = ['HIERARCHY', *_hierarchy('root', offsets, 0), 'MOTION', f'Frames: {len(poses)}',
             f'Frame Time: {1 / fps:.8f}']
    order = list(_depth_first('root'))
    angles = [local[_INDEX[name]].as_euler('ZXY', degrees=True) for name in order]
    angles = np.stack(angles, axis=1)  # (T,17,3)
    rows = np.concatenate([poses[:, 0], angles.reshape(len(poses), -1)], axis=1)
    lines += [' '.join(f'{value:.6f}' for value in row) for row in rows]
    with whole_file(path) as file:
        file.write('\n'.join(lines) + '\n')


def _depth_first(name: str) -> Iterator[str]:
    yield name
    for child in _CHILDREN[name]:
        yield from _depth_first(child)


def _hierarchy(name: str, offsets: np.ndarray, depth: int) -> List[str]:
    pad = '\t' * depth
    offset = ' '.join(f'{value:.6f}' for value in offsets[_INDEX[name]])
    channels = 'CHANNELS 3 Zrotation Xrotation Yrotation'
    if depth == 0:
        channels = 'CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation'
    lines = [f'{pad}{"ROOT" if depth == 0 else "JOINT"} {name}', f'{pad}{{', f'{pad}\tOFFSET {offset}',
             f'{pad}\t{channels}']
    for child in _CHILDREN[name]:
        lines += _hierarchy(child, offsets, depth + 1)
    if not _CHILDREN[name]:
        lines += [f'{pad}\tEnd Site', f'{pad}\t{{',
                  f'{pad}\t\tOFFSET 0.000000 0.000000 0.000000', f'{pad}\t}}']
    return [*lines, f'{pad}}}']
