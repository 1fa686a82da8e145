"""MPI-INF-3DHP as P-STMO and MotionAGFormer publish it to the form of MMPose's annotations.

The source holds one nested dictionary ``data``: to train ``data['S1 Seq1'][0]['0']`` (camera 0), to test
``data['TS1']``, each with ``data_2d`` in pixels ``(F, 17, 2)`` and ``data_3d`` in mm ``(F, 17, 3)`` in
MMPose's order of joints, and to test ``valid`` ``(F,)``. The result has ``imgname``, ``part``
``(N, 17, 3)``, ``S`` in m ``(N, 17, 4)`` and ``valid`` ``(N,)``. All frames are kept, so that clips have no
holes; only valid ones are scored.

Shapes: F frames of a sequence, N frames of all.
"""
from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple, Union

import numpy as np

from mmpose_gss.datasets.body3d.safe_pickle import load_object_npz
from mmpose_gss.errors import UserError
from mmpose_gss.structures.schema import content_of
from mmpose_gss.structures.whole_file import whole_file

AnyPath = Union[str, Path]


def sequences_of(data: Any, path: AnyPath) -> Iterator[Tuple[str, dict]]:
    """Walk over the sequences of the nested dictionary.

    Args:
        data (dict): The content.
        path (str | Path): The file, for messages.

    Yields:
        tuple[str, dict]: Name as in MMPose's image names (``S1_Seq1_Cam0`` or ``TS1``), and the arrays.

    Raises:
        UserError: If an entry is of another form.
    """
    if not isinstance(data, dict) or not data:
        raise UserError(f'{path}: data is not a dictionary of sequences')
    for name, entry in data.items():
        if isinstance(entry, dict):
            yield str(name), entry
            continue
        if not isinstance(entry, (list, tuple)) or not entry or not isinstance(entry[0], dict):
            raise UserError(
                f"{path}: entry '{name}' has neither arrays nor a list with a dictionary of cameras")
        for camera, arrays in entry[0].items():
            yield f"{str(name).replace(' ', '_')}_Cam{camera}", arrays


def convert_mpi_inf_3dhp(source: AnyPath, target: AnyPath) -> Dict[str, int]:
    """Convert a file.

    Args:
        source (str | Path): ``data_train_3dhp.npz`` or ``data_test_3dhp.npz``.
        target (str | Path): The ``.npz`` to write.

    Returns:
        dict[str, int]: ``sequences`` and ``frames``, their numbers.

    Raises:
        FileNotFoundError: If the source is missing.
        UserError: If it is of another form.
    """
    parts: Dict[str, List[np.ndarray]] = dict(imgname=[], part=[], S=[], valid=[])
    data = load_object_npz(source, 'data')
    with content_of(str(source), "in MPI-INF-3DHP's format"):
        for name, arrays in sequences_of(data, source):
            for key, value in _annotations(name, arrays, source).items():
                parts[key].append(value)
        content = {key: np.concatenate(values) for key, values in parts.items()}
    with whole_file(target, binary=True) as file:
        np.savez_compressed(file, **content)
    return dict(sequences=len(parts['valid']), frames=len(content['valid']))


def _annotations(name: str, arrays: dict, source: AnyPath) -> Dict[str, np.ndarray]:
    """Check the arrays of a sequence and turn them into MMPose's."""
    missing = [key for key in ('data_2d', 'data_3d') if key not in arrays]
    if missing:
        raise UserError(f'{source}: {name} lacks {", ".join(missing)}')
    flat, deep = np.asarray(arrays['data_2d'])[..., :2], np.asarray(arrays['data_3d'])
    frames = len(flat)
    if flat.shape != (frames, 17, 2) or deep.shape != (frames, 17, 3):
        raise UserError(f'{source}: {name} has data_2d {flat.shape} and data_3d {deep.shape}, expected '
                        '(F,17,2) and (F,17,3)')
    counted = np.asarray(arrays.get('valid', np.ones(frames))).reshape(-1)
    if counted.shape != (frames, ):
        raise UserError(f'{source}: {name} has {counted.size} valid flags for {frames} frames')
    ones = np.ones((frames, 17, 1))
    return dict(
        imgname=np.array([f'{name}_{frame + 1:06d}.jpg' for frame in range(frames)]),
        part=np.concatenate([flat, ones], axis=2),
        S=np.concatenate([deep / 1000, ones], axis=2),
        valid=counted > 0)
