"""How hard the clips are: three presets, plain data."""
from dataclasses import dataclass


@dataclass(frozen=True)
class Difficulty:
    """Ranges that a clip is drawn from.

    Attributes:
        people (tuple[int, int]): Least and most persons.
        height (tuple[float, float]): Height of an adult as a share of the image height.
        occluders (tuple[int, int]): Least and most things standing in front of people.
        foliage (float): Probability of blurred leaves near the camera.
        exposure (tuple[int, int]): Open shutter in eighths of the frame time.
        speed (tuple[float, float]): Factor on the speed of the motions.
        facing (float): Probability that somebody who stays in place looks towards the camera.
        turned (float): Standard deviation of the angle between the two, in radians.
        passing (float): Probability that two people walk towards each other and cross.
        pan, shake, zoom, travel (float): Camera motion, see ``camera.moving_camera``.
        clutter (float): Amount of distracting shapes, 1 is plenty.
        crowd (float): Probability of a far crowd (an ignore region).
        contrast (tuple[float, float]): Clothes' contrast.
        noise (tuple[float, float]): Standard deviation of the sensor noise in grey values.
        jpeg (tuple[int, int]): JPEG quality.
        actions (tuple[str, ...]): What people do; empty is everything.
    """
    people: tuple = (2, 4)
    height: tuple = (0.35, 0.8)
    occluders: tuple = (1, 3)
    foliage: float = 0.3
    exposure: tuple = (3, 5)
    speed: tuple = (0.85, 1.15)
    facing: float = 0.7
    turned: float = 0.7
    passing: float = 0.5
    pan: float = 0.1
    shake: float = 0.004
    zoom: float = 0.08
    travel: float = 0.3
    clutter: float = 0.6
    crowd: float = 0.35
    contrast: tuple = (0.75, 1.0)
    noise: tuple = (3.0, 6.0)
    jpeg: tuple = (82, 92)
    actions: tuple = ()


PRESETS = {
    'easy': Difficulty(people=(1, 2), height=(0.5, 0.66), occluders=(0, 0), foliage=0.0, exposure=(1, 2),
                       speed=(0.6, 0.8), facing=1.0, turned=0.35, passing=0.15, pan=0.05, shake=0.001,
                       zoom=0.03, travel=0.1, clutter=0.25, crowd=0.15, contrast=(1.0, 1.0), noise=(2.0, 3.0),
                       jpeg=(90, 95),
                       actions=('stand', 'wave', 'jump', 'jumping_jack')),
    'medium': Difficulty(),
    'hard': Difficulty(people=(3, 6), height=(0.3, 0.95), occluders=(2, 5), foliage=0.6, exposure=(5, 8),
                       speed=(1.0, 1.4), passing=0.8, pan=0.18, shake=0.012, zoom=0.15, travel=0.6,
                       clutter=1.0, crowd=0.6, contrast=(0.45, 0.9), noise=(5.0, 10.0), jpeg=(65, 85)),
}
