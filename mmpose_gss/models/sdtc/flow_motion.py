"""Motion from optical flow instead of the motion encoder: the baseline of SDTC's table 4 (a, b).

Shapes: B persons, T frames, H, W size of the images, h, w size of the grid of tokens, L = h·w, D channels.
"""
from __future__ import annotations

from typing import Optional, Sequence

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmpose_gss.errors import UserError
from mmpose_gss.models.sdtc.fusion import ConvTransform
from mmpose_gss.models.sdtc.masking import Masks
from mmpose_gss.models.sdtc.motion_encoder import BaseMotion, MotionFeatures, Tokens

PRESETS = dict(ultrafast=cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
               fast=cv2.DISOPTICAL_FLOW_PRESET_FAST,
               medium=cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
# ITU-R BT.601 luminance of red, green, blue.
LUMINANCE = (0.299, 0.587, 0.114)


class FlowMotion(BaseMotion):
    """DIS flow from the key frame to each frame, embedded by two 3×3 convolutions per frame.

    The flow itself (Kroeger et al. 2016, OpenCV) has no parameters and no gradient and runs on the CPU.

    Args:
        embed_dims (int): Channels D.
        preset (str): Effort of the flow: ``'ultrafast'``, ``'fast'`` or ``'medium'``.
        mean (Sequence[float]): Mean that the data preprocessor subtracted, RGB, 0 to 255.
        std (Sequence[float]): Standard deviation by which it divided.

    Raises:
        UserError: If the preset is unknown.
    """

    def __init__(self, embed_dims: int, preset: str = 'medium',
                 mean: Sequence[float] = (123.675, 116.28, 103.53),
                 std: Sequence[float] = (58.395, 57.12, 57.375)) -> None:
        super().__init__()
        if preset not in PRESETS:
            raise UserError(f'the preset of optical flow must be one of {sorted(PRESETS)}, got {preset!r}')
        self.preset, self.mean, self.std = preset, tuple(mean), tuple(std)
        self.embed = nn.Sequential(
            ConvTransform(2, embed_dims, 3), nn.Conv2d(embed_dims, embed_dims, 3, padding=1))

    def grey(self, images: Tensor) -> np.ndarray:
        """Undo the normalisation: ``(B,T,3,H,W)`` to uint8 ``(B,T,H,W)``."""
        def channels(values: Sequence[float]) -> Tensor:
            return torch.tensor(values).view(3, 1, 1)
        images = images.detach().float().cpu() * channels(self.std) + channels(self.mean)
        return (images * channels(LUMINANCE)).sum(2).round().clamp(0, 255).byte().numpy()

    def flow_of_images(self, images: Tensor, key_index: int) -> Tensor:
        """Flow of windows at the size of the images.

        Args:
            images (Tensor): Normalised, ``(B,T,3,H,W)``.
            key_index (int): Position of the key frame, where the flow is zero.

        Returns:
            Tensor: ``(B,T,2,H,W)``, x before y, in pixels of the images, on their device.
        """
        batch, frames, _, height, width = images.shape
        if images.is_meta:  # counters run models on shapes alone
            return images.new_zeros(batch, frames, 2, height, width)
        method = cv2.DISOpticalFlow_create(PRESETS[self.preset])
        flow = np.zeros((batch, frames, height, width, 2), dtype=np.float32)
        for window, shifts in zip(self.grey(images), flow):
            for position in set(range(frames)) - {key_index}:
                shifts[position] = method.calc(window[key_index], window[position], None)
        return torch.from_numpy(flow).permute(0, 1, 4, 2, 3).to(images.device)

    def flow(self, tokens: Tokens) -> Tensor:
        """Flow averaged down to the grid of tokens.

        Args:
            tokens (Tokens): With the clip that they were made of, images included.

        Returns:
            Tensor: Shift from the key frame to each frame in units of tokens, ``(B,T,2,h,w)``.

        Raises:
            UserError: If there are no images.
        """
        images = None if tokens.clip is None else tokens.clip.images
        if images is None:
            raise UserError("SDTCNeck's optical flow needs the images of the window; run it behind an "
                            'encoder in mmpose_gss.VideoTopdownPoseEstimator')
        flow = self.flow_of_images(images, tokens.clip.window.key_index).flatten(0, 1)
        height, width = tokens.size
        flow = F.adaptive_avg_pool2d(flow, (height, width))
        scale = flow.new_tensor([width / images.shape[-1], height / images.shape[-2]]).view(1, 2, 1, 1)
        return (flow * scale).to(tokens.embedded.dtype).unflatten(0, images.shape[:2])

    def forward(self, tokens: Tokens, masks: Optional[Masks] = None) -> MotionFeatures:
        """Embed the flow of the window; nothing is masked."""
        flow = self.flow(tokens)
        maps = self.embed(flow.flatten(0, 1))
        return MotionFeatures(motion=maps.flatten(2).transpose(1, 2).unflatten(0, flow.shape[:2]))
