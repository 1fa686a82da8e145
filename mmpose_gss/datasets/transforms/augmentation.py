"""Spatial augmentation of windows: one draw for all frames."""
from typing import Tuple

import cv2
import numpy as np
from mmcv.transforms.utils import cache_randomness
from mmpose.datasets.transforms import RandomBBoxTransform, RandomFlip

from mmpose_gss.registry import TRANSFORMS


@TRANSFORMS.register_module()
class ClipBBoxTransform(RandomBBoxTransform):
    """Scale and rotate boxes as HRNet, DCPose and their descendants do.

    Scale is clip(N(1, ``scale_sigma``), ``*scale_range``) and rotation clip(N(0, ``rotate_sigma``),
    ± ``rotate_limit``) with a probability. MMPose's RandomBBoxTransform draws from a truncated normal
    distribution instead, which never reaches the limits with a probability of their own.

    Args:
        scale_sigma (float): Standard deviation of the scale. Defaults to 0.35.
        scale_range (tuple[float, float]): Limits of the scale. Defaults to (0.65, 1.35).
        rotate_sigma (float): Standard deviation of the angle in degrees. Defaults to 45.
        rotate_limit (float): Limit of the angle in degrees. Defaults to 90.
        rotate_prob (float): Probability of a rotation. Defaults to 0.6.
    """

    def __init__(self,
                 scale_sigma: float = 0.35,
                 scale_range: Tuple[float, float] = (0.65, 1.35),
                 rotate_sigma: float = 45.0,
                 rotate_limit: float = 90.0,
                 rotate_prob: float = 0.6) -> None:
        super().__init__(
            shift_factor=0.0, shift_prob=0.0, scale_factor=tuple(scale_range), rotate_factor=rotate_limit,
            rotate_prob=rotate_prob)
        self.scale_sigma = scale_sigma
        self.scale_range = tuple(scale_range)
        self.rotate_sigma = rotate_sigma
        self.rotate_limit = rotate_limit

    @cache_randomness
    def _get_transform_params(self, num_bboxes: int) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
        scale = np.random.normal(1.0, self.scale_sigma, (num_bboxes, 1)).clip(*self.scale_range)
        angle = np.random.normal(0.0, self.rotate_sigma, num_bboxes)
        angle = angle.clip(-self.rotate_limit, self.rotate_limit)
        angle = np.where(np.random.rand(num_bboxes) < self.rotate_prob, angle, 0.0)
        shift = np.zeros((num_bboxes, 2), dtype=np.float32)
        return shift, scale.astype(np.float32), angle.astype(np.float32)

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(scale_sigma={self.scale_sigma}, scale_range={self.scale_range}, '
                f'rotate_sigma={self.rotate_sigma}, rotate_limit={self.rotate_limit}, '
                f'rotate_prob={self.rotate_prob})')


@TRANSFORMS.register_module()
class RandomClipFlip(RandomFlip):
    """MMPose's RandomFlip for a window, which leaves its frames contiguous.

    MMPose mirrors images as views with negative strides; cv2.warpAffine then takes 30 times as long on a
    frame of 1280x720 pixels. The arguments are those of RandomFlip.
    """

    _CODES = {'horizontal': 1, 'vertical': 0, 'diagonal': -1}

    def transform(self, results: dict) -> dict:
        """Flip all frames, boxes and joints, or none.

        Args:
            results (dict): The sample; ``img`` is a list of T arrays ``(H, W, 3)``.

        Returns:
            dict: The sample.
        """
        frames, results['img'] = results['img'], []
        results = super().transform(results)
        if results['flip']:
            code = self._CODES[results['flip_direction']]
            # A frame that stands for several is mirrored once.
            mirrored = {id(frame): cv2.flip(frame, code) for frame in frames}
            frames = [mirrored[id(frame)] for frame in frames]
        results['img'] = frames
        return results
