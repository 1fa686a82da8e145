"""Motion seen by random cameras, with the tracks of an imitated 2D estimator.

Shapes: F frames, J joints. Joints in metres in the camera's axes (x right, y down, z forward); tracks in half
image widths.
"""
from dataclasses import dataclass
from typing import List, Sequence, Tuple

import numpy as np
from synthetic_posetrack.motion3d import (
    FPS,
    IMAGE,
    JOINT_NOISE,
    Noise,
    detect,
    project,
    random_camera,
    random_motion,
)

from .joints import H36M_JOINTS, H36M_TREE, h36m_columns, mirrored_pairs
from .motion_file import SPLITS, Motion, Skeleton

PERSON_PIXELS = 430.0  # of a person whom the imitated estimator misses by the pixels of `Noise`
SHORTEST_BONE = 0.03  # metres; shorter limbs mean that a name was misread


@dataclass(frozen=True)
class Layout:
    """The joints that are lifted.

    Attributes:
        names (tuple[str]): J names.
        parents (tuple[int]): J indices; a root is its own parent.
        root (int): The joint that poses are relative to.
        pairs (tuple[tuple[int, int]]): Joints that a mirror exchanges.
        joint_noise (tuple[float]): J factors on the errors of the 2D tracks.
        is_h36m (bool): Whether these are Human3.6M's 17.
    """
    names: Tuple[str, ...]
    parents: Tuple[int, ...]
    root: int
    pairs: Tuple[Tuple[int, int], ...]
    joint_noise: Tuple[float, ...]
    is_h36m: bool

    @property
    def flip(self) -> List[int]:
        """For every joint the one that it is in a mirror."""
        flip = list(range(len(self.names)))
        for a, b in self.pairs:
            flip[a], flip[b] = b, a
        return flip


@dataclass(frozen=True)
class View:
    """A part of a clip seen by one camera.

    Attributes:
        clip (str): Name of the clip.
        track (ndarray): ``(F,J,2)`` noisy x and y.
        joints (ndarray): ``(F,J,3)`` the truth.
    """
    clip: str
    track: np.ndarray
    joints: np.ndarray


@dataclass(frozen=True)
class Cameras:
    """How clips are seen.

    Attributes:
        fps (float): Frames per second that clips are brought to; a slower recording keeps its rate.
        seconds (float): Longest part of a clip that one camera sees.
        views (int): Cameras of every part.
        noise (float): Factor on the errors of the 2D tracks.
        seed (int): Of cameras and errors.
    """
    fps: float = float(FPS)
    seconds: float = 4.0
    views: int = 2
    noise: float = 1.0
    seed: int = 0


def h36m_layout() -> Layout:
    """Human3.6M's 17 joints."""
    return Layout(H36M_JOINTS, H36M_TREE, 0, tuple(mirrored_pairs(H36M_JOINTS)), tuple(JOINT_NOISE), True)


def own_layout(skeleton: Skeleton) -> Layout:
    """The joints of a file as they are; poses are relative to its first root, all joints are equally hard."""
    root = next(i for i, parent in enumerate(skeleton.parents) if i == parent)
    return Layout(skeleton.names, skeleton.parents, root, tuple(mirrored_pairs(skeleton.names)),
                  (1.0,) * len(skeleton.names), False)


def common_layout(motion: Motion, own: bool = False) -> Tuple[Layout, np.ndarray, str]:
    """Human3.6M's joints where the names of a file allow it, or its own skeleton.

    Args:
        motion (Motion): The file.
        own (bool): Whether its own skeleton is wanted.

    Returns:
        tuple[Layout, ndarray, str]: The joints, the weights ``(K,J)`` that make them of the file's J, and a
        sentence that says what was decided.
    """
    skeleton = motion.skeleton
    whole = np.eye(len(skeleton.names))
    if own:
        return own_layout(skeleton), whole, 'Lifted joints: those of the file, as asked.'
    columns = h36m_columns(skeleton.names, skeleton.parents)
    if columns is None:
        return own_layout(skeleton), whole, ('Lifted joints: those of the file, since its names do not give '
                                             'the limbs, neck and head of Human3.6M.')
    layout = h36m_layout()
    sample = np.concatenate([joints[::20] for _, joints in motion.clips['train']])
    posed = columns.weights @ sample
    for side in ('left', 'right'):
        for limb in (('hip', 'knee', 'foot'), ('shoulder', 'elbow', 'wrist')):
            for upper, lower in zip(limb[:-1], limb[1:]):
                a, b = (H36M_JOINTS.index(f'{side}_{part}') for part in (upper, lower))
                if np.median(np.linalg.norm(posed[:, a] - posed[:, b], axis=-1)) < SHORTEST_BONE:
                    return own_layout(skeleton), whole, (
                        f'Lifted joints: those of the file, since {columns.used[H36M_JOINTS[a]]} and '
                        f'{columns.used[H36M_JOINTS[b]]} are in one place.')
    read = ', '.join(f'{ours} = {theirs}' for ours, theirs in columns.used.items() if ours != theirs)
    return layout, columns.weights, (
        "Lifted joints: Human3.6M's 17, by name" + (f' ({read}).' if read else '.'))


def resampled(joints: np.ndarray, source: float, target: float) -> np.ndarray:
    """A clip at another rate, linear between its frames; a slower recording stays as it is."""
    if target >= source:
        return joints
    times = np.arange(0, (len(joints) - 1) / source + 1e-9, 1 / target) * source
    before = np.minimum(times.astype(int), len(joints) - 2)
    share = (times - before)[:, None, None]
    return (1 - share) * joints[before] + share * joints[before + 1]


def recorded_views(motion: Motion, split: str, layout: Layout, weights: np.ndarray,
                   cameras: Cameras) -> List[View]:
    """Every clip of a split, in parts of equal length, each seen by its own cameras."""
    out: List[View] = []
    fps = min(cameras.fps, motion.skeleton.fps)
    for number, (name, joints) in enumerate(motion.clips[split]):
        world = resampled(weights @ joints, motion.skeleton.fps, fps)
        parts = max(1, int(np.ceil(len(world) / (cameras.seconds * fps))))
        for index, part in enumerate(np.array_split(world, parts)):
            rng = np.random.default_rng([cameras.seed, SPLITS.index(split), number, index, 4])
            out += [_seen(rng, name, part, layout, cameras.noise, fps) for _ in range(cameras.views)]
    return out


def generated_views(split: str, count: int, frames: int, cameras: Cameras) -> List[View]:
    """Generated people (see ``generate_motion3d.py``) with Human3.6M's joints, seen the same way.

    Args:
        split (str): 'train' or 'test'; both have their own people.
        count (int): Motions.
        frames (int): Frames of each, at 50 per second.
        cameras (Cameras): Their rate is ignored: the motions come at 50 per second and are thinned to it.

    Returns:
        list[View]: ``count × views`` views, one clip per motion.
    """
    layout = h36m_layout()
    columns = h36m_columns(layout.names, layout.parents)
    assert columns is not None
    out: List[View] = []
    for number in range(count):
        rng = np.random.default_rng([cameras.seed, SPLITS.index(split), number, 5])
        title, joints = random_motion(rng, frames)
        world = resampled(columns.weights @ joints, FPS, cameras.fps)
        out += [_seen(rng, f'{title}_{number + 1}', world, layout, cameras.noise, min(FPS, cameras.fps))
                for _ in range(cameras.views)]
    return out


def _seen(rng: np.random.Generator, name: str, world: np.ndarray, layout: Layout, noise: float,
          fps: float) -> View:
    """A part in the view of a random camera. The errors of the track grow with the person's size."""
    local, pixels = project(world, random_camera(rng, world, 0))
    factor = noise * float(np.median(np.ptp(pixels, axis=1).max(1))) / PERSON_PIXELS
    usual = Noise()
    errors = Noise(jitter=usual.jitter * factor, drift=usual.drift * factor,
                   joint_gaps=usual.joint_gaps * noise, frame_gaps=usual.frame_gaps * noise,
                   swaps=usual.swaps * noise)
    found = detect(rng, pixels, errors, np.array(layout.joint_noise), layout.pairs, fps)
    return View(name, (found[..., :2] / (IMAGE / 2) - 1).astype(np.float32), local.astype(np.float32))


def summary(views: Sequence[View]) -> str:
    """Counts of clips, views and frames."""
    frames = sum(len(view.joints) for view in views)
    return f'{len({view.clip for view in views})} clips, {len(views)} views, {frames} frames'
