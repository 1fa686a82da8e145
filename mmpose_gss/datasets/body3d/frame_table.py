"""The frames of a lifting data set, whatever file they come from.

Shapes: N frames, J joints.
"""
from dataclasses import dataclass

import numpy as np


@dataclass
class FrameTable:
    """Arrays over all frames of a data set; frames of one video are neighbours, in time order.

    Attributes:
        keypoints (ndarray): ``(N,J,2)`` float32, 2D joints in pixels.
        scores (ndarray): ``(N,J)`` float32, their confidences.
        target (ndarray): ``(N,J,3)`` float32, 3D joints to learn, in "image millimetres": x and y in pixels,
            depth in the same unit; or camera coordinates in mm where the factor is 1.
        truth (ndarray): ``(N,J,3)`` float32, 3D joints to score against, in mm.
        valid (ndarray): ``(N,)`` bool, frames that count.
        size (ndarray): ``(N,2)`` float32, width and height of the image in pixels.
        factor (ndarray): ``(N,)`` float32, mm per image millimetre ("2.5D factor").
        source (ndarray): ``(N,)`` of str, the video, camera included.
        sequence (ndarray): ``(N,)`` of str, the recorded sequence without the camera.
        action (ndarray): ``(N,)`` of str, the group that scores are averaged in.
        image (ndarray): ``(N,)`` of str, image names; may be empty strings.
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

    def check(self, path, num_joints):
        """Checks shapes and values.

        Args:
            path (str | Path): The file, for messages.
            num_joints (int): J.

        Raises:
            ValueError: Naming file, field and frame of what is wrong.
        """
        count = len(self.source)
        if count == 0:
            raise ValueError(f'{path} has no frames')
        shapes = dict(keypoints=(count, num_joints, 2), scores=(count, num_joints),
                      target=(count, num_joints, 3), truth=(count, num_joints, 3), valid=(count, ),
                      size=(count, 2), factor=(count, ), sequence=(count, ), action=(count, ),
                      image=(count, ))
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise ValueError(
                    f'{path}: {name} has shape {getattr(self, name).shape}, expected {shape} for {count} '
                    f'frames of {num_joints} joints')
        for name in ('keypoints', 'scores', 'target', 'truth', 'size', 'factor'):
            finite = np.isfinite(getattr(self, name)).reshape(count, -1).all(axis=1)
            if not finite.all():
                raise ValueError(
                    f'{path}: {name} of frame {int(np.argmin(finite))} is NaN or infinite '
                    f'({int((~finite).sum())} such frames); remove these frames or fill them')
        if (self.factor <= 0).any() or (self.size <= 0).any():
            raise ValueError(f'{path}: image sizes and 2.5D factors must be positive')
