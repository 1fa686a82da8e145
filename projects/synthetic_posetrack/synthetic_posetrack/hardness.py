"""What makes a joint hard in one frame, from the truth of the scene: speed, blur and people who cross.

Shapes: N time samples, J body joints, S limb segments, P points.
"""
import numpy as np

from .body import LIMBS, TRUNK
from .skeleton import INDEX

SEGMENTS = np.array([(INDEX[part[0]], INDEX[part[1]]) for part in (*TRUNK, *LIMBS)])
"""The limbs and the trunk as pairs of body joints, (S, 2)."""


def travel(pixels, first, last):
    """How far joints move in the picture between two samples.

    Args:
        pixels (np.ndarray): Trajectories (N, J, 2) in pixels.
        first (int): Sample to start from.
        last (int): Sample to end with.

    Returns:
        np.ndarray: (J,) pixels along a straight line.
    """
    return np.linalg.norm(pixels[last] - pixels[first], axis=-1)


def speed(pixels, i, samples):
    """Speed of joints, averaged over the frame before and the frame after; one of them at a clip's ends.

    Args:
        pixels (np.ndarray): Trajectories (N, J, 2) in pixels.
        i (int): Sample.
        samples (int): Samples per frame.

    Returns:
        np.ndarray: (J,) pixels per frame.
    """
    first, last = max(i - samples, 0), min(i + samples, len(pixels) - 1)
    return travel(pixels, first, last) * samples / max(last - first, 1)


def distance_to_limbs(points, joints):
    """Distance in the picture from points to the nearest limb of a person.

    Args:
        points (np.ndarray): (P, 2) pixels.
        joints (np.ndarray): The person's body joints (J, 2) in pixels.

    Returns:
        np.ndarray: (P,) pixels.
    """
    start, end = joints[SEGMENTS[:, 0]], joints[SEGMENTS[:, 1]]  # (S, 2)
    along = end - start
    length = np.maximum((along**2).sum(-1), 1e-9)
    share = ((points[:, None] - start) * along).sum(-1) / length  # (P, S)
    nearest = start + np.clip(share, 0, 1)[..., None] * along
    return np.linalg.norm(points[:, None] - nearest, axis=-1).min(1)
