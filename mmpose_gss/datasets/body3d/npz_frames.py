"""What MMPose's annotation files of Human3.6M and MPI-INF-3DHP have in common.

Shapes: N frames, J joints.
"""
from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Dict, Union

import numpy as np

from mmpose_gss.errors import UserError
from mmpose_gss.structures.schema import content_of


def load_frames(path: Union[str, Path], num_joints: int) -> Dict[str, np.ndarray]:
    """Load ``imgname``, ``part`` and ``S`` of an annotation file.

    Args:
        path (str | Path): An ``.npz`` file.
        num_joints (int): J.

    Returns:
        dict[str, ndarray]: ``imgname`` ``(N,)``, ``part`` (x, y in pixels, visibility) ``(N, J, 3)``, ``S``
        (camera coordinates in m, visibility) ``(N, J, 4)``, ``valid`` ``(N,)`` bool.

    Raises:
        FileNotFoundError: If there is no such file.
        UserError: If it is no such file or joints do not match.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'{path} does not exist; check ann_file and data_root')
    if not zipfile.is_zipfile(path):
        raise UserError(f'{path} is not an .npz file of MMPose with imgname, part and S')
    with content_of(str(path), 'an .npz file of MMPose with imgname, part and S'):
        data = _entries(path)
        count = len(data['imgname'])
        for name, channels in (('part', 3), ('S', 4)):
            if data[name].shape != (count, num_joints, channels):
                raise UserError(
                    f'{path}: {name} has shape {data[name].shape}, expected {(count, num_joints, channels)}; '
                    f'the data set has {num_joints} joints')
            if data[name].dtype.kind not in 'fiu':
                raise UserError(f'{path}: {name} is an array of {data[name].dtype}, but numbers are needed')
    return data


def _entries(path: Path) -> Dict[str, np.ndarray]:
    with np.load(path) as archive:
        missing = [name for name in ('imgname', 'part', 'S') if name not in archive.files]
        if missing:
            raise UserError(
                f'{path} lacks {", ".join(missing)}; its entries are: {", ".join(archive.files)}')
        data = {name: archive[name] for name in ('imgname', 'part', 'S')}
        count = len(data['imgname'])
        data['valid'] = (archive['valid'].astype(bool) if 'valid' in archive.files
                         else np.ones(count, dtype=bool))
    return data


def order_by_video(videos: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Sort so that the frames of a video are neighbours, in time order; videos keep their first-seen order.

    Args:
        videos (ndarray): Video of each frame, ``(N,)``.
        frames (ndarray): Frame number within the video, ``(N,)``.

    Returns:
        ndarray: Indices that sort, ``(N,)`` int64.
    """
    _, first, inverse = np.unique(videos, return_index=True, return_inverse=True)
    return np.lexsort((frames, first[inverse]))
