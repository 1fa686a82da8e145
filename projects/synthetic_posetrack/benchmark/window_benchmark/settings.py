"""How large the benchmark is: the full one and a toy for tests, plain data."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, Optional, Tuple

#: Width and height of a crop and of its heatmaps, pixels.
INPUT, HEATMAP = (64, 96), (16, 24)
CODEC = dict(type='mmpose.MSRAHeatmap', input_size=INPUT, heatmap_size=HEATMAP, sigma=1.5)
#: Frames of a cached window relative to the key frame; a row takes those in the middle.
OFFSETS = (-3, -2, -1, 0, 1, 2, 3)
#: Channels of the encoder's map at a quarter of the crop's size.
CHANNELS = 64
NUM_JOINTS = 17
#: Every set is drawn with a seed of its own, so that no person, motion or place is in two of them.
SET_SEEDS = dict(encoder=101, neck=102, validation=103, test=104)


@dataclass(frozen=True)
class Settings:
    """Sizes of the benchmark.

    Attributes:
        name (str): Names the folder of drawn clips, features and results.
        clips (dict[str, int]): Clips of each set of :data:`SET_SEEDS`.
        frames (int): Frames per clip.
        fps (int): Frames per second.
        people (str): Persons per clip, ``LO-HI``.
        difficulty (str): Of the generator.
        train_keys (tuple[int, ...]): Key frames of the windows that necks are trained on.
        test_keys (tuple[int, ...]): Key frames that are scored, consecutive for the jitter.
        augment (int): Augmented copies of each training window.
        encoder_iterations (int): Batches of 32 frames that the encoder is trained on.
        iterations (int, optional): Overrides every row's iterations.
        still_seeds (int): For how many seeds the support frames are also replaced by the key frame.
    """
    name: str
    clips: Dict[str, int] = field(hash=False)
    frames: int = 9
    fps: int = 12
    people: str = '2-3'
    difficulty: str = 'medium'
    train_keys: Tuple[int, ...] = (2, 4, 6)
    test_keys: Tuple[int, ...] = (3, 4, 5)
    augment: int = 2
    encoder_iterations: int = 250
    iterations: Optional[int] = None
    still_seeds: int = 2


FULL = Settings('full', dict(encoder=180, neck=180, validation=20, test=120))
DEMO = Settings('demo', dict(encoder=140, neck=140, validation=6, test=50), iterations=488, still_seeds=1)
TOY = Settings('toy', dict(encoder=4, neck=3, validation=2, test=4), augment=1, encoder_iterations=4,
               iterations=6)
