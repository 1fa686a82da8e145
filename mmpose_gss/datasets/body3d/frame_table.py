"""The frames of a lifting data set, whatever file they come from.

Shapes: N frames, J joints.
"""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Union

import numpy as np

from mmpose_gss.errors import UserError


@dataclass
class FrameTable:
    """Arrays over all frames of a data set; frames of one video are neighbours, in time order.

    Attributes:
        keypoints: 2D joints in pixels, ``(N, J, 2)`` float32.
        scores: their confidences, ``(N, J)`` float32.
        target: 3D joints to learn, in "image millimetres": x and y in pixels, depth in the same unit; or
            camera coordinates in mm where the factor is 1; ``(N, J, 3)`` float32.
        truth: 3D joints to score against, in mm, ``(N, J, 3)`` float32.
        valid: frames that count, ``(N,)`` bool.
        size: width and height of the image in pixels, ``(N, 2)`` float32.
        factor: mm per image millimetre ("2.5D factor"), ``(N,)`` float32.
        source: the video, camera included, ``(N,)`` of str.
        sequence: the recorded sequence without the camera, ``(N,)`` of str.
        action: the group that scores are averaged in, ``(N,)`` of str.
        image: image names; may be empty strings, ``(N,)`` of str.
    """
    keypoints: np.ndarray
    scores: np.ndarray
    target: np.ndarray
    truth: np.ndarray
    valid: np.ndarray
    size: np.ndarray
    factor: np.ndarray
    source: np.ndarray
    sequence: np.ndarray
    action: np.ndarray
    image: np.ndarray

    def check(self, path: Union[str, Path], num_joints: int) -> None:
        """Check shapes and values.

        Args:
            path (str | Path): The file, for messages.
            num_joints (int): J.

        Raises:
            UserError: Naming file, field and frame of what is wrong.
        """
        count = len(self.source)
        if count == 0:
            raise UserError(f'{path} has no frames')
        shapes = dict(keypoints=(count, num_joints, 2), scores=(count, num_joints),
                      target=(count, num_joints, 3), truth=(count, num_joints, 3), valid=(count, ),
                      size=(count, 2), factor=(count, ), sequence=(count, ), action=(count, ),
                      image=(count, ))
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise UserError(
                    f'{path}: {name} has shape {getattr(self, name).shape}, expected {shape} for {count} '
                    f'frames of {num_joints} joints')
        for name in ('keypoints', 'scores', 'target', 'truth', 'size', 'factor'):
            finite = np.isfinite(getattr(self, name)).reshape(count, -1).all(axis=1)
            if not finite.all():
                raise UserError(
                    f'{path}: {name} of frame {int(np.argmin(finite))} is NaN or infinite '
                    f'({int((~finite).sum())} such frames); remove these frames or fill them')
        if (self.factor <= 0).any() or (self.size <= 0).any():
            raise UserError(f'{path}: image sizes and 2.5D factors must be positive')
