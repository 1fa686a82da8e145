"""Skeletons of the data sets, as data: joints, links, sides, weights, sigmas, groups for reports.

A fact about joints stands here and nowhere else; MMPose's ``dataset_info`` is derived in ``metainfo.py``.
Sigmas and loss weights of PoseTrack, JHMDB and COCO are those of MMPose's files of the same names.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Mapping, Optional, Tuple

Colour = Tuple[int, int, int]

# RGB. Left is green, right is orange, what is in the middle or tells no side is blue.
_BLUE, _GREEN, _ORANGE = (51, 153, 255), (0, 255, 0), (255, 128, 0)

HEAD_SIZE_FACTOR = 0.6
"""Head size, the unit of PCKh, as a part of the head box's diagonal (poseval, eval_helpers.py)."""


@dataclass(frozen=True)
class Joint:
    """A joint of a skeleton.

    Attributes:
        name: its name; ``left_`` and ``right_`` tell its side.
        half: ``'upper'`` or ``'lower'``, half of the body.
        colour: RGB.
        weight: weight in the loss.
        sigma: of the object keypoint similarity; None where nobody has measured it.
    """
    name: str
    half: str
    colour: Colour
    weight: float = 1.0
    sigma: Optional[float] = None

    @property
    def mirrored(self) -> str:
        """Name of the joint on the other side; the joint's own if it has no side."""
        for side, other in (('left_', 'right_'), ('right_', 'left_')):
            if self.name.startswith(side):
                return other + self.name[len(side):]
        return self.name


@dataclass(frozen=True)
class Skeleton:
    """Joints in the order of the data set, and links between them.

    Attributes:
        joints: K joints.
        links: pairs of joint names; in a tree from the parent to the child.
        link_colours: RGB of each link.
    """
    joints: Tuple[Joint, ...]
    links: Tuple[Tuple[str, str], ...]
    link_colours: Tuple[Colour, ...]

    @property
    def names(self) -> Tuple[str, ...]:
        """Names of the K joints in order."""
        return tuple(joint.name for joint in self.joints)

    @property
    def num_joints(self) -> int:
        """K."""
        return len(self.joints)

    def index(self, name: str) -> int:
        """Place of a joint in the order."""
        return self.names.index(name)

    @property
    def flip_indices(self) -> Tuple[int, ...]:
        """For each of the K joints the place of the mirrored one."""
        return tuple(self.index(joint.mirrored) for joint in self.joints)

    @property
    def link_indices(self) -> Tuple[Tuple[int, int], ...]:
        """The links as pairs of places."""
        return tuple((self.index(a), self.index(b)) for a, b in self.links)

    def tree(self) -> Dict[str, Optional[str]]:
        """Give the parent of each joint by name; the root has None.

        Raises:
            ValueError: If a joint has two parents, or several have none.
        """
        parents: Dict[str, Optional[str]] = dict.fromkeys(self.names)
        for parent, child in self.links:
            if parents[child] is not None:
                raise ValueError(
                    f'the links are no tree: {child} has the parents {parents[child]} and {parent}')
            parents[child] = parent
        roots = [name for name, parent in parents.items() if parent is None]
        if len(roots) != 1:
            raise ValueError(f'the links are no tree: it has the roots {roots}')
        return parents


def _side_colour(name: str) -> Colour:
    return {'left': _GREEN, 'right': _ORANGE}.get(name.split('_')[0], _BLUE)


def _trunk(*links: Tuple[str, str]) -> Tuple[Tuple[str, str, Colour], ...]:
    return tuple((a, b, _BLUE) for a, b in links)


def _limb(*names: str) -> Tuple[Tuple[str, str, Colour], ...]:
    """Link joints along a limb, in its side's colour, that of the last joint."""
    return tuple((a, b, _side_colour(names[-1])) for a, b in zip(names, names[1:]))


def _skeleton(joints: Tuple[Joint, ...], links: Tuple[Tuple[str, str, Colour], ...]) -> Skeleton:
    return Skeleton(joints, tuple((a, b) for a, b, _ in links), tuple(colour for _, _, colour in links))


def _pair(part: str, half: str, weight: float, sigma: float, first: str = 'left') -> Tuple[Joint, Joint]:
    """Make a joint of both sides, with the colours of the sides."""
    sides = ('left', 'right') if first == 'left' else ('right', 'left')
    return tuple(Joint(f'{side}_{part}', half, _side_colour(side), weight, sigma) for side in sides)


def _head(name: str, sigma: float, weight: float = 1.0) -> Joint:
    """Make a joint of the head, whatever its side."""
    return Joint(name, 'upper', _BLUE, weight, sigma)


# Shoulders to ankles of COCO and PoseTrack.
_LIMBS = (
    *_pair('shoulder', 'upper', 1.0, 0.079), *_pair('elbow', 'upper', 1.2, 0.072),
    *_pair('wrist', 'upper', 1.5, 0.062), *_pair('hip', 'lower', 1.0, 0.107),
    *_pair('knee', 'lower', 1.2, 0.087), *_pair('ankle', 'lower', 1.5, 0.089))
_LIMB_LINKS = (
    ('left_ankle', 'left_knee', _GREEN), ('left_knee', 'left_hip', _GREEN),
    ('right_ankle', 'right_knee', _ORANGE), ('right_knee', 'right_hip', _ORANGE),
    *_trunk(('left_hip', 'right_hip'), ('left_shoulder', 'left_hip'), ('right_shoulder', 'right_hip'),
            ('left_shoulder', 'right_shoulder')),
    ('left_shoulder', 'left_elbow', _GREEN), ('right_shoulder', 'right_elbow', _ORANGE),
    ('left_elbow', 'left_wrist', _GREEN), ('right_elbow', 'right_wrist', _ORANGE))

COCO = _skeleton(
    (_head('nose', 0.026), _head('left_eye', 0.025), _head('right_eye', 0.025), _head('left_ear', 0.035),
     _head('right_ear', 0.035), *_LIMBS),
    _LIMB_LINKS + _trunk(
        ('left_eye', 'right_eye'), ('nose', 'left_eye'), ('nose', 'right_eye'), ('left_eye', 'left_ear'),
        ('right_eye', 'right_ear'), ('left_ear', 'left_shoulder'), ('right_ear', 'right_shoulder')))
"""The 17 joints of COCO."""

UNANNOTATED_JOINTS = ('left_ear', 'right_ear')
"""Joints that PoseTrack's format lists but nobody annotated: always of weight 0."""

POSETRACK = _skeleton(
    (_head('nose', 0.026), _head('head_bottom', 0.025), _head('head_top', 0.025),
     *(_head(name, 0.035, weight=0.0) for name in UNANNOTATED_JOINTS), *_LIMBS),
    _LIMB_LINKS + _trunk(
        ('nose', 'head_bottom'), ('nose', 'head_top'), ('head_bottom', 'left_shoulder'),
        ('head_bottom', 'right_shoulder')))
"""The 17 joints of PoseTrack17, 18 and 21, in PoseTrack18's order."""

POSETRACK17_JOINTS = (
    'right_ankle', 'right_knee', 'right_hip', 'left_hip', 'left_knee', 'left_ankle', 'right_wrist',
    'right_elbow', 'right_shoulder', 'left_shoulder', 'left_elbow', 'left_wrist', 'head_bottom', 'nose',
    'head_top')
"""The 15 annotated joints of PoseTrack by the ``id`` of a point in PoseTrack17 files.

This is also the order of the public evaluator ``poseval`` (poseval/eval_helpers.py, class ``Joint``, where
``head_bottom`` is the neck); the ears have no place in it.
"""

POSETRACK_GROUPS: Mapping[str, Tuple[str, ...]] = {
    'Head': ('head_top', 'head_bottom', 'nose'),
    'Shou': ('right_shoulder', 'left_shoulder'),
    'Elb': ('right_elbow', 'left_elbow'),
    'Wri': ('right_wrist', 'left_wrist'),
    'Hip': ('right_hip', 'left_hip'),
    'Knee': ('right_knee', 'left_knee'),
    'Ankl': ('right_ankle', 'left_ankle'),
}
"""Columns of the table that the public evaluator prints (poseval/eval_helpers.py, getCum)."""

JHMDB = _skeleton(
    (Joint('neck', 'upper', _BLUE, 1.0, 0.025), Joint('belly', 'upper', _BLUE, 1.0, 0.107),
     Joint('head', 'upper', _BLUE, 1.0, 0.025), *_pair('shoulder', 'upper', 1.0, 0.079, first='right'),
     *_pair('hip', 'lower', 1.0, 0.107, first='right'), *_pair('elbow', 'upper', 1.2, 0.072, first='right'),
     *_pair('knee', 'lower', 1.2, 0.087, first='right'), *_pair('wrist', 'upper', 1.5, 0.062, first='right'),
     *_pair('ankle', 'lower', 1.5, 0.089, first='right')),
    (('right_ankle', 'right_knee', _ORANGE), ('right_knee', 'right_hip', _ORANGE),
     ('right_hip', 'belly', _ORANGE), *_limb('belly', 'left_hip', 'left_knee', 'left_ankle'),
     *_trunk(('belly', 'neck'), ('neck', 'head')),
     *_limb('neck', 'right_shoulder', 'right_elbow', 'right_wrist'),
     *_limb('neck', 'left_shoulder', 'left_elbow', 'left_wrist')))
"""The 15 joints of JHMDB."""

JHMDB_GROUPS: Mapping[str, Tuple[str, ...]] = {
    'Head': ('head', ),
    'Sho': ('right_shoulder', 'left_shoulder'),
    'Elb': ('right_elbow', 'left_elbow'),
    'Wri': ('right_wrist', 'left_wrist'),
    'Hip': ('right_hip', 'left_hip'),
    'Knee': ('right_knee', 'left_knee'),
    'Ank': ('right_ankle', 'left_ankle'),
}
"""Groups of Sub-JHMDB's figures; neck and belly are in the mean of all joints only."""

H36M = _skeleton(
    tuple(Joint(name, half, _side_colour(name)) for half, names in (
        ('lower', ('root', 'right_hip', 'right_knee', 'right_foot', 'left_hip', 'left_knee', 'left_foot')),
        ('upper', ('spine', 'thorax', 'neck_base', 'head', 'left_shoulder', 'left_elbow', 'left_wrist',
                   'right_shoulder', 'right_elbow', 'right_wrist'))) for name in names),
    (*_limb('root', 'left_hip', 'left_knee', 'left_foot'),
     *_limb('root', 'right_hip', 'right_knee', 'right_foot'),
     *_trunk(('root', 'spine'), ('spine', 'thorax'), ('thorax', 'neck_base'), ('neck_base', 'head')),
     *_limb('thorax', 'left_shoulder', 'left_elbow', 'left_wrist'),
     *_limb('thorax', 'right_shoulder', 'right_elbow', 'right_wrist')))
"""The 17 joints of Human3.6M and their tree.

PoseMamba's published weights read another list of parents, which stands with the model.
"""

_HIPS, _SHOULDERS = ('left_hip', 'right_hip'), ('left_shoulder', 'right_shoulder')
H36M_FROM: Mapping[str, Tuple[Tuple[str, ...], ...]] = {
    'root': (('root', ), ('pelvis', ), _HIPS),
    'right_hip': (('right_hip', ), ),
    'right_knee': (('right_knee', ), ),
    'right_foot': (('right_foot', ), ('right_ankle', )),
    'left_hip': (('left_hip', ), ),
    'left_knee': (('left_knee', ), ),
    'left_foot': (('left_foot', ), ('left_ankle', )),
    'spine': (('spine', ), ('belly', ), _HIPS + _SHOULDERS),
    'thorax': (('thorax', ), _SHOULDERS),
    'neck_base': (('neck_base', ), ('nose', ), ('neck', )),
    'head': (('head', ), ('head_bottom', 'head_top'), ('left_eye', 'right_eye'), ('head_top', )),
    'left_shoulder': (('left_shoulder', ), ),
    'left_elbow': (('left_elbow', ), ),
    'left_wrist': (('left_wrist', ), ),
    'right_shoulder': (('right_shoulder', ), ),
    'right_elbow': (('right_elbow', ), ),
    'right_wrist': (('right_wrist', ), ),
}
"""Each of Human3.6M's joints with the alternatives to make it of, best first; several joints mean their mean.

For COCO and PoseTrack18 this equals MMPose's ``convert_keypoint_definition``.
"""
