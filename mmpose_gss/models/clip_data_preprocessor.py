"""Turns windows of uint8 frames into a normalised batch.

Shapes: B persons, T frames, H, W size of the crop.
"""
from __future__ import annotations

from typing import Optional, Sequence, Union

import torch
from mmpose.models.data_preprocessors import PoseDataPreprocessor
from torch import Tensor

from mmpose_gss.errors import UserError
from mmpose_gss.registry import MODELS


@MODELS.register_module()
class ClipDataPreprocessor(PoseDataPreprocessor):
    """MMPose's preprocessor for windows of T frames.

    Takes the arguments of :class:`mmpose.PoseDataPreprocessor` that make sense for equal crops:

    Args:
        mean (Sequence[float], optional): Mean of the channels, in RGB if ``bgr_to_rgb``.
        std (Sequence[float], optional): Standard deviation of the channels.
        bgr_to_rgb (bool): Whether to swap the channels of frames read by OpenCV. Defaults to False.
        rgb_to_bgr (bool): The opposite. Defaults to False.
        non_blocking (bool): Whether the copy to the device may overlap. Defaults to False.
    """

    def __init__(self, mean: Optional[Sequence[float]] = None,
                 std: Optional[Sequence[float]] = None, bgr_to_rgb: bool = False,
                 rgb_to_bgr: bool = False, non_blocking: bool = False):
        super().__init__(
            mean=mean, std=std, bgr_to_rgb=bgr_to_rgb, rgb_to_bgr=rgb_to_bgr, non_blocking=non_blocking)

    def forward(self, data: dict, training: bool = False) -> dict:
        """Stack, swap the channels and normalise.

        Args:
            data (dict): ``inputs``: B tensors ``(T,3,H,W)`` or one ``(B,T,3,H,W)``, uint8 or float;
                ``data_samples``: B PoseDataSamples (optional).
            training (bool): Unused, part of the interface.

        Returns:
            dict: ``inputs`` float32 ``(B,T,3,H,W)`` and ``data_samples``.

        Raises:
            UserError: If a window is not ``(T,3,H,W)`` or the windows of the batch differ in shape.
        """
        data = self.cast_data(data)
        inputs = self._stack(data['inputs'])
        if self._channel_conversion:
            inputs = inputs.flip(2)
        inputs = inputs.float()
        if self._enable_normalize:
            inputs = (inputs - self.mean) / self.std
        data_samples = data.get('data_samples')
        size = tuple(inputs.shape[-2:])
        for data_sample in data_samples or []:
            data_sample.set_metainfo({'batch_input_shape': size, 'pad_shape': size})
        return {'inputs': inputs, 'data_samples': data_samples}

    @staticmethod
    def _stack(windows: Union[Tensor, Sequence[Tensor]]) -> Tensor:
        shapes = {tuple(window.shape) for window in windows}
        for shape in shapes:
            if len(shape) != 4 or shape[1] != 3:
                raise UserError(
                    f'a packed window has shape {shape}, expected (T, 3, H, W); load it with '
                    'mmpose_gss.LoadClip and pack it with mmpose_gss.PackClipInputs')
        if len(shapes) > 1:
            raise UserError(
                f'the windows of a batch differ in shape: {sorted(shapes)}; use one frame_offsets and one '
                'input_size for all data sets of a dataloader')
        return windows if isinstance(windows, Tensor) else torch.stack(list(windows))
