"""Figures of the 15 joints that are evaluated, in the groups people report."""
from __future__ import annotations

from typing import Dict

import numpy as np

from mmpose_gss.structures.skeletons import POSETRACK17_JOINTS, POSETRACK_GROUPS

NUM_JOINTS = len(POSETRACK17_JOINTS)
JOINT_GROUPS = {
    group: tuple(POSETRACK17_JOINTS.index(name) for name in names)
    for group, names in POSETRACK_GROUPS.items()
}


def group_joints(values: np.ndarray, skip_nan: bool = False) -> Dict[str, float]:
    """Take the means of the joint groups and of all joints.

    As in the public evaluator a joint that is NaN (undefined) is left out of ``mean``, while it makes its
    own group NaN.

    Args:
        values: figures in the order of ``POSETRACK17_JOINTS``, ``(15,)``.
        skip_nan: leave an undefined joint out of its group too.

    Returns:
        dict: ``Head, Shou, Elb, Wri, Hip, Knee, Ankl, mean`` to Python floats.
    """
    values = np.asarray(values, dtype=np.float64)
    groups = {}
    for name, joints in JOINT_GROUPS.items():
        members = values[list(joints)]
        groups[name] = _mean_defined(members) if skip_nan else float(members.mean())
    groups['mean'] = _mean_defined(values)
    return groups


def _mean_defined(values: np.ndarray) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else float('nan')
