"""Sequences of 3D poses with the 2D tracks of random cameras, in the layout of MMPose's Human36mDataset.

Shapes: F frames at 50 per second, 17 joints in Human3.6M's order. Metres, pixels.
"""
from dataclasses import dataclass

import numpy as np

from . import motion
from .camera import WORLD_TO_CAMERA
from .skeleton import H36M_FROM_BODY, INDEX, Proportions, rotation

FPS = 50
IMAGE = 1000
MOTION_OVERSAMPLING = 2
BODY_INDEX = [INDEX[name] for name in H36M_FROM_BODY]
JOINT_NOISE = np.array([0.8, 0.9, 1.1, 1.5, 0.9, 1.1, 1.5, 0.9, 0.8, 0.9, 1.0, 0.9, 1.2, 1.6, 0.9, 1.2, 1.6])
"""How much worse than average each joint is located: feet and wrists are the hardest."""
MIRRORED = ((1, 4), (2, 5), (3, 6), (11, 14), (12, 15), (13, 16))


@dataclass
class Noise:
    """How the 2D tracks differ from the truth.

    Attributes:
        jitter (float): Standard deviation in pixels, independent from frame to frame.
        drift (float): Standard deviation in pixels of an error that lasts (0.2 s).
        joint_gaps (float): Share of joint positions that are lost: a wild guess with a low confidence.
        frame_gaps (float): Share of frames in which nobody is found: the last pose, confidence 0.
        swaps (float): Share of frames in which left and right limbs are exchanged.
    """
    jitter: float = 2.5
    drift: float = 4.0
    joint_gaps: float = 0.04
    frame_gaps: float = 0.01
    swaps: float = 0.005


@dataclass
class Sequence3D:
    """One motion seen by one camera.

    Attributes:
        name (str): Action and number, e.g. 'Walk_1'.
        joints (np.ndarray): (F, 17, 3) in the camera's axes (x right, y down, z forward), metres.
        pixels (np.ndarray): (F, 17, 2) exact projection.
        noisy (np.ndarray): (F, 17, 3) x, y, confidence.
        camera (dict): Parameters as in Human3.6M's cameras.pkl (R: camera to world).
    """
    name: str
    joints: np.ndarray
    pixels: np.ndarray
    noisy: np.ndarray
    camera: dict


def random_motion(rng, frames):
    """Draw a person and let them move.

    Args:
        rng (np.random.Generator): Source of randomness.
        frames (int): F.

    Returns:
        tuple[str, np.ndarray]: Name of the action and joints (F, 17, 3) in the world (z up, metres).
    """
    body = Proportions.sample(rng, children=0)
    t = np.arange(frames * MOTION_OVERSAMPLING) / (FPS * MOTION_OVERSAMPLING)
    if rng.random() < 0.6:
        action = str(rng.choice(tuple(motion.ACTIONS)))
        names, title = [action], action.title().replace('_', '')
    else:
        names, title = motion.choose_actions(rng, t[-1]), 'Mixed'
    circling = rng.choice([-1, 1]) * rng.uniform(0.5, 1.4)
    if names == ['run']:
        circling *= 1.5
    pose = motion.perform(t, body, names, rng.uniform(0, 2 * np.pi), rng, rng.uniform(0.75, 1.2), circling)
    return title, pose.joints[::MOTION_OVERSAMPLING, BODY_INDEX]


def random_camera(rng, joints, number):
    """Draw a camera that sees the whole motion.

    Args:
        rng (np.random.Generator): Source of randomness.
        joints (np.ndarray): (F, J, 3) in the world.
        number (int): Identity of the camera.

    Returns:
        dict: Human3.6M's fields R, T, c, f, k, p, w, h, name, id; no lens distortion.
    """
    low, high = joints.min((0, 1)), joints.max((0, 1))
    target = (low + high) / 2 + rng.normal(0, 0.15, 3)
    azimuth, eye = rng.uniform(0, 2 * np.pi), rng.uniform(0.7, 2.3)
    focal = rng.uniform(1050, 1250) * np.array([1, rng.uniform(0.995, 1.005)])
    centre = IMAGE / 2 + rng.normal(0, 8, 2)
    distance = rng.uniform(3.2, 5.0)
    roll = rng.normal(0, 0.02)
    while True:
        position = np.array([*(target[:2] - distance * np.array([np.sin(azimuth), np.cos(azimuth)])), eye])
        down = np.arctan2(eye - target[2], distance)
        frame = (rotation('z', np.array([roll])) @ rotation('x', np.array([down])) @ WORLD_TO_CAMERA
                 @ rotation('z', np.array([azimuth])))[0]
        local = (joints - position) @ frame.T
        if local[..., 2].min() > 0.8:
            pixels = local[..., :2] / local[..., 2:] * focal + centre
            if pixels.min() > 15 and pixels.max() < IMAGE - 15:
                break
        distance *= 1.12
    return dict(R=frame.T, T=position[:, None], c=centre[:, None], f=focal[:, None], k=np.zeros((3, 1)),
                p=np.zeros((2, 1)), w=IMAGE, h=IMAGE, name=f'camera{number}', id=str(number))


def project(joints, camera):
    """World joints (F, J, 3) to the camera's axes (F, J, 3) and to pixels (F, J, 2)."""
    local = (joints - camera['T'][:, 0]) @ camera['R']
    return local, local[..., :2] / local[..., 2:] * camera['f'][:, 0] + camera['c'][:, 0]


def _runs(rng, frames, share, mean_length):
    """Random runs of frames, (frames,) bool, that cover about ``share``."""
    out = np.zeros(frames, bool)
    for _ in range(rng.poisson(share * frames / mean_length)):
        start = rng.integers(frames)
        out[start:start + 1 + rng.geometric(1 / mean_length)] = True
    return out


def _drift(rng, shape, seconds, fps):
    """Correlated noise of unit variance: an AR(1) process over the first axis."""
    keep = np.exp(-1 / (seconds * fps))
    out = rng.normal(0, 1, shape)
    out[1:] *= np.sqrt(1 - keep**2)
    for i in range(1, shape[0]):
        out[i] += keep * out[i - 1]
    return out


def detect(rng, pixels, noise, joint_noise=JOINT_NOISE, mirrored=MIRRORED, fps=FPS):
    """Imitate a 2D pose estimator.

    Args:
        rng (np.random.Generator): Source of randomness.
        pixels (np.ndarray): (F, J, 2) the truth.
        noise (Noise): What goes wrong.
        joint_noise (np.ndarray): (J,) how much worse than average each joint is located.
        mirrored (Sequence[tuple[int, int]]): The joints of both sides that may be exchanged.
        fps (float): Frames per second; runs and drift last as long at any rate.

    Returns:
        np.ndarray: (F, J, 3) x, y, confidence in 0..1.
    """
    frames, speed = len(pixels), fps / FPS
    found = pixels.copy()
    scale = joint_noise[:, None]
    error = noise.jitter * scale * rng.normal(0, 1, pixels.shape)
    error += noise.drift * scale * _drift(rng, pixels.shape, 0.2, fps)
    swapped = _runs(rng, frames, noise.swaps, max(1.0, 4 * speed))
    for a, b in mirrored:
        found[np.ix_(swapped, [a, b])] = found[np.ix_(swapped, [b, a])]
    lost = np.stack([_runs(rng, frames, noise.joint_gaps * s, max(1.0, 10 * speed))
                     for s in joint_noise], 1)
    size = np.ptp(pixels, axis=1).max(1)[:, None, None]
    error = np.where(lost[..., None], 0.12 * size * _drift(rng, pixels.shape, 0.4, fps), error)
    found = found + error
    sure = 0.97 * np.exp(-(np.linalg.norm(error, axis=-1) / 22)**2) + rng.normal(0, 0.05, lost.shape)
    sure[swapped] -= 0.15
    sure = np.where(lost, rng.uniform(0.02, 0.35, lost.shape), np.clip(sure, 0.2, 1.0))
    out = np.concatenate([found, sure[..., None]], -1)
    missed = _runs(rng, frames, noise.frame_gaps, max(1.0, 5 * speed))
    missed[0] = False
    for i in np.flatnonzero(missed):
        out[i, :, :2] = out[i - 1, :, :2]
        out[i, :, 2] = 0
    return out


def generate_sequence(seed, split, index, frames, views, noise):
    """One motion in the view of several cameras; depends on (seed, split, index) and the options only.

    Args:
        seed (int): Seed of the set.
        split (str): 'train' or 'test'.
        index (int): Number of the motion in its split.
        frames (int): F.
        views (int): Number of cameras.
        noise (Noise): Of the 2D tracks.

    Returns:
        list[Sequence3D]: One per camera.
    """
    rng = np.random.default_rng([seed, {'train': 0, 'test': 1}[split], index, 3])
    title, joints = random_motion(rng, frames)
    out = []
    for view in range(views):
        camera = random_camera(rng, joints, 10000000 + index * 100 + view)
        local, pixels = project(joints, camera)
        out.append(Sequence3D(f'{title}_1', local, pixels, detect(rng, pixels, noise), camera))
    return out
