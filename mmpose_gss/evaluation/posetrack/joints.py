"""Joints of PoseTrack as the public evaluator counts them: 15 of the 17 of a file, in its own order.

The order is that of ``poseval`` (poseval/eval_helpers.py, class ``Joint``; ``head_bottom`` is its neck) and
of the ``id`` of a point in PoseTrack17 files. The ears of PoseTrack18 have no place in it.
"""
import numpy as np

POSETRACK_JOINTS = (
    'right_ankle', 'right_knee', 'right_hip', 'left_hip', 'left_knee', 'left_ankle', 'right_wrist',
    'right_elbow', 'right_shoulder', 'left_shoulder', 'left_elbow', 'left_wrist', 'head_bottom', 'nose',
    'head_top')
NUM_JOINTS = len(POSETRACK_JOINTS)

POSETRACK18_JOINTS = (
    'nose', 'head_bottom', 'head_top', 'left_ear', 'right_ear', 'left_shoulder', 'right_shoulder',
    'left_elbow', 'right_elbow', 'left_wrist', 'right_wrist', 'left_hip', 'right_hip', 'left_knee',
    'right_knee', 'left_ankle', 'right_ankle')

# Columns of the table the public evaluator prints (poseval/eval_helpers.py, getCum).
JOINT_GROUPS = {
    'Head': (14, 12, 13),
    'Shou': (8, 9),
    'Elb': (7, 10),
    'Wri': (6, 11),
    'Hip': (2, 3),
    'Knee': (1, 4),
    'Ankl': (0, 5),
}


def group_joints(values: np.ndarray, skip_nan: bool = False) -> dict:
    """Means of the joint groups and of all joints.

    As in the public evaluator a joint that is NaN (undefined) is left out of ``mean``, while it makes its
    own group NaN.

    Args:
        values: (15,) figures in the order of ``POSETRACK_JOINTS``.
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
