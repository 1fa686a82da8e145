"""Write lifted tracks: JSON, NPZ and BVH.

Shapes: T frames of a track, N frames of all tracks together.
"""
from __future__ import annotations

import json
from pathlib import Path
from typing import Dict, List, Sequence, Tuple, Union

import numpy as np

from mmpose_gss.apis.lifting.bvh import write_bvh
from mmpose_gss.apis.lifting.joints import H36M_JOINTS
from mmpose_gss.apis.lifting.lifter import LiftedTrack
from mmpose_gss.structures.safe_names import safe_name
from mmpose_gss.structures.whole_file import whole_file

COORDINATES = 'metres relative to the root joint; x right, y down, z away from the camera'


def write_json(path: Union[str, Path], tracks: Sequence[LiftedTrack], fps: float) -> None:
    """Write ``joints``, ``coordinates``, ``fps`` and per track ``track_id``, ``frames``, ``keypoints_3d``
    ``(T,17,3)``, ``keypoints_2d`` ``(T,17,2)``, ``scores`` ``(T,17)`` and ``interpolated`` ``(T,17)``.

    Args:
        path (str | Path): The file.
        tracks (Sequence[LiftedTrack]): The tracks.
        fps (float): Frames per second.
    """
    content = dict(joints=list(H36M_JOINTS), coordinates=COORDINATES, fps=float(fps), tracks=[
        dict(track_id=int(track.track_id), frames=track.frames.tolist(),
             keypoints_3d=_rounded(track.keypoints_3d, 5), keypoints_2d=_rounded(track.keypoints_2d, 2),
             scores=_rounded(track.scores, 4), interpolated=track.interpolated.tolist()) for track in tracks])
    with whole_file(path) as file:
        file.write(json.dumps(content, allow_nan=False))


def _rounded(array: np.ndarray, digits: int) -> List:
    return np.round(np.asarray(array, dtype=np.float64), digits).tolist()


def write_npz(path: Union[str, Path], tracks: Sequence[LiftedTrack], fps: float) -> None:
    """Write ``joints``, ``fps`` and all tracks end to end: ``track_id`` and ``frame`` ``(N,)``,
    ``keypoints_3d`` ``(N,17,3)``, ``keypoints_2d`` ``(N,17,2)``, ``scores`` and ``interpolated`` ``(N,17)``.

    Args:
        path (str | Path): The file.
        tracks (Sequence[LiftedTrack]): The tracks.
        fps (float): Frames per second.
    """
    joints = len(H36M_JOINTS)

    def joined(name: str, shape: Tuple[int, ...], kind: type) -> np.ndarray:
        arrays = [np.asarray(getattr(track, name)) for track in tracks]
        return np.concatenate([np.zeros((0, *shape), dtype=kind), *arrays]).astype(kind)

    ids = [np.full(len(track.frames), track.track_id) for track in tracks]
    arrays = dict(
        joints=np.array(H36M_JOINTS), fps=np.float64(fps),
        track_id=np.concatenate([np.zeros(0, dtype=np.int64), *ids]).astype(np.int64),
        frame=joined('frames', (), np.int64), keypoints_3d=joined('keypoints_3d', (joints, 3), np.float32),
        keypoints_2d=joined('keypoints_2d', (joints, 2), np.float32),
        scores=joined('scores', (joints, ), np.float32),
        interpolated=joined('interpolated', (joints, ), bool))
    with whole_file(path, binary=True) as file:
        np.savez_compressed(file, **arrays)


def write_tracks(folder: Union[str, Path], name: str, tracks: Sequence[LiftedTrack],
                 fps: float) -> Dict[str, Union[str, List[str]]]:
    """Write ``NAME_3d.json``, ``NAME_3d.npz`` and a ``NAME_3d_track<id>[_<start>].bvh`` for each track.

    Args:
        folder (str | Path): Where to; made if missing.
        name (str): Stem of the names.
        tracks (Sequence[LiftedTrack]): The tracks.
        fps (float): Frames per second.

    Returns:
        dict: ``json``, ``npz`` (paths) and ``bvh`` (list of paths).
    """
    folder, name = Path(folder), safe_name(name, 'the name of the tracks')
    folder.mkdir(parents=True, exist_ok=True)
    paths = dict(json=str(folder / f'{name}_3d.json'), npz=str(folder / f'{name}_3d.npz'), bvh=[])
    write_json(paths['json'], tracks, fps)
    write_npz(paths['npz'], tracks, fps)
    used = set()
    for track in tracks:
        stem = f'{name}_3d_track{int(track.track_id)}'
        if stem in used:  # the person came back after a long gap
            stem = f'{stem}_{track.frames[0]}'
        used.add(stem)
        paths['bvh'].append(str(folder / f'{stem}.bvh'))
        write_bvh(paths['bvh'][-1], track.keypoints_3d, fps)
    return paths
