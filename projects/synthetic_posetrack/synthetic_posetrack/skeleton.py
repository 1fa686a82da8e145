"""Bones of a person and forward kinematics, vectorised over time.

Shapes: N time samples, J joints. Lengths in metres, angles in radians.
Body frame: x to the person's right, y forward, z up. World frame: x right, y away from the camera, z up.
"""
from dataclasses import dataclass

import numpy as np

from mmpose_gss.structures.skeletons import POSETRACK

JOINTS = ('pelvis', 'spine', 'thorax', 'head_bottom', 'head_centre', 'head_top', 'nose',
          'left_shoulder', 'left_elbow', 'left_wrist', 'left_hand',
          'right_shoulder', 'right_elbow', 'right_wrist', 'right_hand',
          'left_hip', 'left_knee', 'left_ankle', 'left_toe',
          'right_hip', 'right_knee', 'right_ankle', 'right_toe')
INDEX = {name: i for i, name in enumerate(JOINTS)}

POSETRACK_JOINTS = POSETRACK.names
"""PoseTrack18's joint order; the ears are never annotated there."""

H36M_FROM_BODY = ('pelvis', 'right_hip', 'right_knee', 'right_ankle', 'left_hip', 'left_knee', 'left_ankle',
                  'spine', 'thorax', 'head_bottom', 'head_top', 'left_shoulder', 'left_elbow', 'left_wrist',
                  'right_shoulder', 'right_elbow', 'right_wrist')
"""Body joints in Human3.6M's 17-joint order (root, legs, spine, thorax, neck_base, head, arms)."""

ANGLES = ('lean', 'side', 'yaw', 'spine_flex', 'spine_side', 'spine_twist', 'head_pitch', 'head_yaw',
          'head_roll', *(f'{side}_{angle}' for side in ('left', 'right')
            for angle in ('sh_flex', 'sh_abd', 'sh_twist', 'elbow', 'hip_flex', 'hip_abd', 'hip_twist',
                          'knee', 'ankle')),
          'hop', 'turn')
"""Degrees of freedom. ``yaw`` turns the pelvis against the heading, ``turn`` is the heading's rate (rad/s),
``hop`` is the height of the lowest foot above the ground (m)."""


@dataclass(frozen=True)
class Proportions:
    """Bone lengths in metres and girth (dimensionless, 1 is average)."""
    hip: float = 0.095
    thigh: float = 0.43
    shin: float = 0.42
    ankle: float = 0.085
    foot: float = 0.17
    abdomen: float = 0.23
    chest: float = 0.26
    shoulder: float = 0.185
    upper_arm: float = 0.29
    forearm: float = 0.255
    hand: float = 0.09
    neck: float = 0.075
    head: float = 0.235
    girth: float = 1.0

    @property
    def height(self):
        """Standing height in metres."""
        return self.ankle + self.shin + self.thigh + self.abdomen + self.chest + self.neck + self.head

    @classmethod
    def sample(cls, rng, children=1 / 6):
        """Draw a person: adults of 1.5 to 1.95 m, a share of children with larger heads."""
        child = rng.random() < children
        size = rng.uniform(0.66, 0.82) if child else rng.normal(1.0, 0.05)
        lengths = {}
        for name in cls.__dataclass_fields__:
            value = getattr(cls, name) * size * rng.normal(1.0, 0.035)
            lengths[name] = float(value)
        if child:
            lengths['head'] *= 1.18
        lengths['girth'] = float(np.clip(rng.normal(1.0, 0.14), 0.78, 1.45))
        return cls(**lengths)


def rotation(axis, angle):
    """Rotation matrices about a coordinate axis.

    Args:
        axis (str): 'x', 'y' or 'z'.
        angle (np.ndarray): (N,) radians, counter-clockwise.

    Returns:
        np.ndarray: (N, 3, 3).
    """
    c, s, k = np.cos(angle), np.sin(angle), 'xyz'.index(axis)
    i, j = (k + 1) % 3, (k + 2) % 3
    out = np.zeros((len(angle), 3, 3))
    out[:, k, k] = 1
    out[:, i, i] = out[:, j, j] = c
    out[:, i, j], out[:, j, i] = -s, s
    return out


@dataclass
class Pose:
    """A posed skeleton over N samples: joints (N, J, 3) and the frames (N, 3, 3) of its rigid parts."""
    joints: np.ndarray
    frames: dict

    def joint(self, name):
        """Trajectory (N, 3) of one joint."""
        return self.joints[:, INDEX[name]]


def _along(origin, frame, x=0.0, y=0.0, z=0.0):
    return origin + frame @ np.array([x, y, z])


def _arm(pose, body, angles, side, chest):
    sign = 1 if side == 'right' else -1
    upper = (chest @ rotation('x', angles[f'{side}_sh_flex'])
             @ rotation('y', -sign * angles[f'{side}_sh_abd'])
             @ rotation('z', sign * angles[f'{side}_sh_twist']))
    fore = upper @ rotation('x', angles[f'{side}_elbow'])
    shoulder = _along(pose['thorax'], chest, x=sign * body.shoulder, z=-0.18 * body.chest)
    elbow = _along(shoulder, upper, z=-body.upper_arm)
    wrist = _along(elbow, fore, z=-body.forearm)
    pose.update({f'{side}_shoulder': shoulder, f'{side}_elbow': elbow, f'{side}_wrist': wrist,
                 f'{side}_hand': _along(wrist, fore, z=-body.hand)})
    return {f'{side}_upper_arm': upper, f'{side}_forearm': fore}


def _leg(pose, body, angles, side, pelvis):
    sign = 1 if side == 'right' else -1
    thigh = (pelvis @ rotation('x', angles[f'{side}_hip_flex'])
             @ rotation('y', -sign * angles[f'{side}_hip_abd'])
             @ rotation('z', -sign * angles[f'{side}_hip_twist']))
    shin = thigh @ rotation('x', -angles[f'{side}_knee'])
    foot = shin @ rotation('x', angles[f'{side}_ankle'])
    hip = _along(pose['pelvis'], pelvis, x=sign * body.hip, z=-0.02)
    knee = _along(hip, thigh, z=-body.thigh)
    ankle = _along(knee, shin, z=-body.shin)
    pose.update({f'{side}_hip': hip, f'{side}_knee': knee, f'{side}_ankle': ankle,
                 f'{side}_toe': _along(ankle, foot, y=body.foot, z=-0.6 * body.ankle)})
    return {f'{side}_thigh': thigh, f'{side}_shin': shin, f'{side}_foot': foot}


def forward_kinematics(body, angles):
    """Pose a skeleton with its pelvis in the origin and the heading along +y.

    Args:
        body (Proportions): Bone lengths.
        angles (dict[str, np.ndarray]): Every name of ``ANGLES`` -> (N,) values.

    Returns:
        Pose: Joints (N, J, 3) and part frames.
    """
    a = angles
    # The pelvis carries the legs, so leaning is split: half in the pelvis would lift the feet.
    pelvis = rotation('z', a['yaw']) @ rotation('y', a['side'])
    trunk = pelvis @ rotation('x', -a['lean'])
    chest = (trunk @ rotation('z', a['spine_twist']) @ rotation('x', -a['spine_flex'])
             @ rotation('y', a['spine_side']))
    head = (chest @ rotation('z', a['head_yaw']) @ rotation('x', -a['head_pitch'])
            @ rotation('y', a['head_roll']))
    pose = {'pelvis': np.zeros((len(a['lean']), 3))}
    pose['spine'] = _along(pose['pelvis'], trunk, z=body.abdomen)
    pose['thorax'] = _along(pose['spine'], chest, z=body.chest)
    pose['head_bottom'] = _along(pose['thorax'], head, y=0.012, z=body.neck)
    pose['head_centre'] = _along(pose['head_bottom'], head, y=0.015, z=0.5 * body.head)
    pose['head_top'] = _along(pose['head_bottom'], head, y=0.01, z=body.head)
    pose['nose'] = _along(pose['head_centre'], head, y=0.44 * body.head, z=-0.06 * body.head)
    frames = {'pelvis': pelvis, 'trunk': trunk, 'chest': chest, 'head': head}
    for side in ('left', 'right'):
        frames.update(_arm(pose, body, a, side, chest))
        frames.update(_leg(pose, body, a, side, pelvis))
    return Pose(np.stack([pose[name] for name in JOINTS], axis=1), frames)


def place(pose, rotation_matrix, translation):
    """Rotate and then shift a pose, sample by sample.

    Args:
        pose (Pose): Pose of N samples.
        rotation_matrix (np.ndarray): (N, 3, 3).
        translation (np.ndarray): (N, 3).

    Returns:
        Pose: The moved pose.
    """
    joints = np.einsum('nij,nkj->nki', rotation_matrix, pose.joints) + translation[:, None]
    return Pose(joints, {name: rotation_matrix @ frame for name, frame in pose.frames.items()})
