"""Convert the joints of a 2D data set to Human3.6M's, by name.

Shapes: N poses, K joints of the source, J = 17 joints of Human3.6M.
"""
from __future__ import annotations

from typing import Dict, Sequence, Tuple, Union

import numpy as np

from mmpose_gss.errors import UserError
from mmpose_gss.structures.skeletons import H36M, H36M_FROM

H36M_JOINTS = H36M.names

#: The name of a data set of MMPose, its metainfo, or the names of its joints.
SkeletonSource = Union[str, Dict, Sequence[str]]


def joint_names(source: SkeletonSource) -> Tuple[str, ...]:
    """Look up the names of a data set's joints, in order.

    Args:
        source (str | dict | Sequence[str]): The name of a data set of MMPose, metainfo, or the names.

    Returns:
        tuple[str]: The names.

    Raises:
        UserError: If the data set is unknown or the metainfo has no names.
    """
    if isinstance(source, (list, tuple)):
        return tuple(source)
    if isinstance(source, str):
        from mmpose_gss.models.posemamba.joint_parents import load_metainfo
        source = load_metainfo(source)
    names = source.get('keypoint_id2name') or source.get('keypoint_names')
    if not names:
        raise UserError('the metainfo of the 2D poses has no joint names (keypoint_id2name)')
    return tuple(names[i] for i in sorted(names)) if isinstance(names, dict) else tuple(names)


def to_h36m(keypoints: np.ndarray, scores: np.ndarray,
            names: Sequence[str]) -> Tuple[np.ndarray, np.ndarray]:
    """Convert 2D poses to Human3.6M's joints.

    Args:
        keypoints (ndarray): ``(N,K,2)`` pixels; joints that are not known may be NaN.
        scores (ndarray): ``(N,K)``.
        names (Sequence[str]): The K joint names.

    Returns:
        tuple[ndarray, ndarray]: ``(N,17,2)`` and ``(N,17)`` float32.

    Raises:
        UserError: If the shapes do not fit the names, or joints are missing to make Human3.6M's of.
    """
    keypoints, scores = np.asarray(keypoints, dtype=np.float32), np.asarray(scores, dtype=np.float32)
    if keypoints.ndim != 3 or keypoints.shape[1:] != (len(names), 2) or scores.shape != keypoints.shape[:2]:
        raise UserError(
            f'2D poses must be (N,{len(names)},2) with scores (N,{len(names)}) for this skeleton of '
            f'{len(names)} joints, got {keypoints.shape} and {scores.shape}')
    index = {name: i for i, name in enumerate(names)}
    columns, missing = [], []
    for joint, alternatives in H36M_FROM.items():
        usable = [parts for parts in alternatives if all(part in index for part in parts)]
        if usable:
            columns.append([index[part] for part in usable[0]])
        else:
            missing.append(f'{joint} (from {" or ".join("+".join(parts) for parts in alternatives)})')
    if missing:
        raise UserError(
            f'unknown skeleton: cannot make these joints of Human3.6M from {", ".join(names)}: '
            f'{"; ".join(missing)}')
    out = np.stack([keypoints[:, column].mean(axis=1) for column in columns], axis=1)
    return out, np.stack([scores[:, column].min(axis=1) for column in columns], axis=1)
