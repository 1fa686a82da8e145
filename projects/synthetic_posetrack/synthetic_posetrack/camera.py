"""A pinhole camera that pans, shakes, zooms and travels.

Camera frame: x right, y down, z forward. World frame: x right, y away, z up (metres). Image in pixels.
"""
from dataclasses import dataclass

import numpy as np

from .skeleton import rotation

WORLD_TO_CAMERA = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
"""Axes of a camera that looks along +y of the world."""


@dataclass
class Camera:
    """A camera over N time samples.

    Attributes:
        position (np.ndarray): (N, 3) in metres.
        frame (np.ndarray): (N, 3, 3) world to camera.
        focal (np.ndarray): (N,) pixels.
        size (tuple[int, int]): Image width and height.
    """
    position: np.ndarray
    frame: np.ndarray
    focal: np.ndarray
    size: tuple

    def to_camera(self, points):
        """World points (N, J, 3) in the camera's axes (N, J, 3)."""
        return np.einsum('nij,nkj->nki', self.frame, points - self.position[:, None])

    def project(self, points):
        """World points (N, J, 3) to pixels (N, J, 2) and depths (N, J) in metres."""
        local = self.to_camera(points)
        depth = np.maximum(local[..., 2], 0.05)
        pixel = local[..., :2] * (self.focal[:, None] / depth)[..., None]
        return pixel + np.array([self.size[0] / 2, self.size[1] / 2]), local[..., 2]

    def intrinsics(self, i):
        """3x3 matrix of sample i."""
        f = self.focal[i]
        return np.array([[f, 0, self.size[0] / 2], [0, f, self.size[1] / 2], [0, 0, 1]])


def _wander(t, rng, rate):
    """Smooth noise of about unit amplitude: three sines of unrelated frequencies."""
    parts = [np.sin(2 * np.pi * rate * f * t + rng.uniform(0, 2 * np.pi)) for f in (0.37, 1.0, 2.3)]
    return parts[0] * 0.6 + parts[1] * 0.3 + parts[2] * 0.15


def moving_camera(t, size, rng, pan, shake, zoom, travel, tilt=0.1):
    """Draw a hand-held or panning camera.

    Args:
        t (np.ndarray): (N,) seconds.
        size (tuple[int, int]): Image width and height.
        rng (np.random.Generator): Source of randomness.
        pan (float): Amplitude of panning in radians.
        shake (float): Amplitude of hand-held shaking in radians.
        zoom (float): Relative change of the focal length.
        travel (float): Amplitude of sideways travel in metres.
        tilt (float): Mean angle in radians by which the camera looks down.

    Returns:
        Camera: At eye height near the origin, looking along +y.
    """
    yaw = pan * _wander(t, rng, 0.35) + shake * _wander(t, rng, 3.1)
    pitch = tilt + rng.uniform(-0.03, 0.03) - 0.3 * pan * _wander(t, rng, 0.25) + shake * _wander(t, rng, 3.7)
    roll = rng.normal(0, 0.01) + 0.5 * shake * _wander(t, rng, 2.3)
    frame = rotation('z', roll) @ rotation('x', pitch) @ WORLD_TO_CAMERA @ rotation('z', yaw)
    position = np.stack([travel * _wander(t, rng, 0.3), np.zeros_like(t),
                         rng.uniform(1.1, 1.75) + 0.05 * travel * _wander(t, rng, 0.9)], axis=1)
    focal = 1.15 * max(size[0], 4 / 3 * size[1]) * (1 + zoom * _wander(t, rng, 0.3))
    return Camera(position, frame, focal, tuple(size))
