"""Temporal augmentation of windows: which frames are seen, in which order, how blurred.

All but :class:`MotionBlurClip` work on paths and stand before ``LoadClip``. The key frame stays the same.
"""
from __future__ import annotations

from typing import Sequence, Tuple

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from mmpose_gss.errors import UserError
from mmpose_gss.registry import TRANSFORMS
from mmpose_gss.structures.clip_window import ClipWindow


def _set_window(results: dict, offsets: Sequence[int], key_index: int) -> dict:
    """Give a sample other frames of its clip; a single image (no ``clip_frames``) stays as it is."""
    window = ClipWindow(offsets, key_index)
    results['frame_offsets'] = window.offsets
    results['key_index'] = window.key_index
    results['img_paths'] = results['clip_frames'].window(results['frame_position'], window)
    return results


@TRANSFORMS.register_module()
class StrideJitter(BaseTransform):
    """Multiply the window's offsets by a random stride, as if people moved faster.

    Args:
        strides (Sequence[int]): Strides to choose from. Defaults to (1, 2, 3).
        prob (float): Probability of choosing; else the stride is 1. Defaults to 0.5.
    """

    def __init__(self, strides: Sequence[int] = (1, 2, 3), prob: float = 0.5) -> None:
        if not strides or min(strides) < 1:
            raise UserError(f'StrideJitter got strides={tuple(strides)}, but each must be 1 or more.')
        self.strides = tuple(strides)
        self.prob = prob

    @cache_randomness
    def _choose(self) -> int:
        return int(np.random.choice(self.strides)) if np.random.rand() < self.prob else 1

    def transform(self, results: dict) -> dict:
        """Change ``frame_offsets`` and ``img_paths``."""
        if 'clip_frames' not in results:
            return results
        stride = self._choose()
        offsets = [stride * offset for offset in results['frame_offsets']]
        return _set_window(results, offsets, results['key_index'])


@TRANSFORMS.register_module()
class ReverseTime(BaseTransform):
    """Play the window backwards.

    Args:
        prob (float): Probability. Defaults to 0.5.
    """

    def __init__(self, prob: float = 0.5) -> None:
        self.prob = prob

    @cache_randomness
    def _choose(self) -> bool:
        return np.random.rand() < self.prob

    def transform(self, results: dict) -> dict:
        """Change ``frame_offsets``, ``key_index`` and ``img_paths``."""
        if 'clip_frames' not in results or not self._choose():
            return results
        offsets = results['frame_offsets'][::-1]
        return _set_window(results, offsets, len(offsets) - 1 - results['key_index'])


@TRANSFORMS.register_module()
class DropFrames(BaseTransform):
    """Replace random support frames by their neighbours towards the key frame, as if frames had been lost.

    Args:
        max_frames (int): Largest number of frames lost. Defaults to 1.
        prob (float): Probability of losing any. Defaults to 0.3.
    """

    def __init__(self, max_frames: int = 1, prob: float = 0.3) -> None:
        if max_frames < 1:
            raise UserError(f'DropFrames got max_frames={max_frames}, but 1 or more is needed.')
        self.max_frames = max_frames
        self.prob = prob

    @cache_randomness
    def _choose(self, num_frames: int, key_index: int) -> Tuple[int, ...]:
        if num_frames < 2 or np.random.rand() >= self.prob:
            return ()
        support = [i for i in range(num_frames) if i != key_index]
        number = np.random.randint(1, min(self.max_frames, len(support)) + 1)
        return tuple(np.random.choice(support, number, replace=False))

    def transform(self, results: dict) -> dict:
        """Change ``frame_offsets`` and ``img_paths``."""
        if 'clip_frames' not in results:
            return results
        offsets, key = list(results['frame_offsets']), results['key_index']
        lost = self._choose(len(offsets), key)
        # From the key frame outwards, so that a run of lost frames repeats the last one seen.
        for i in sorted(lost, key=lambda i: abs(i - key)):
            offsets[i] = offsets[i + 1] if i < key else offsets[i - 1]
        return _set_window(results, offsets, key)


@TRANSFORMS.register_module()
class MotionBlurClip(BaseTransform):
    """Blur all frames along one random direction. Stands after ``TopdownAffine``, on the small crops.

    Args:
        max_length (int): Longest blur in pixels. Defaults to 9.
        prob (float): Probability. Defaults to 0.2.
    """

    def __init__(self, max_length: int = 9, prob: float = 0.2) -> None:
        if max_length < 3:
            raise UserError(f'MotionBlurClip got max_length={max_length}, but 3 or more pixels are needed.')
        self.max_length = max_length
        self.prob = prob

    @cache_randomness
    def _choose(self) -> Tuple[int, float]:
        if np.random.rand() >= self.prob:
            return 0, 0.0
        return int(np.random.randint(3, self.max_length + 1)), float(np.random.uniform(0, 180))

    def transform(self, results: dict) -> dict:
        """Change ``img``."""
        length, angle = self._choose()
        if length:
            kernel = line_kernel(length, angle)
            results['img'] = [cv2.filter2D(frame, -1, kernel) for frame in results['img']]
        return results


def line_kernel(length: int, angle: float) -> np.ndarray:
    """Kernel of a straight motion.

    Args:
        length (int): Length of the motion in pixels.
        angle (float): Its direction in degrees.

    Returns:
        ndarray: Square kernel of odd side, float32, summing to 1.
    """
    size = length | 1
    kernel = np.zeros((size, size), dtype=np.float32)
    kernel[size // 2, (size - length) // 2:(size - length) // 2 + length] = 1.0
    turn = cv2.getRotationMatrix2D((size // 2, size // 2), angle, 1.0)
    kernel = cv2.warpAffine(kernel, turn, (size, size))
    return kernel / kernel.sum()
