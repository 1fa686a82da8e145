"""Optical flow beside an encoder's features: the pixel-wise motion of SDTC's baselines (table 4 a, b).

An encoder sees frames one by one and a neck sees features only, so flow is computed here, where the images
of a window are at hand in training, testing and inference alike.

Shapes: B persons, T frames, N = B·T images, H, W their size, C channels, h, w size of the map.
"""
from __future__ import annotations

from typing import Optional, Sequence, Tuple

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mmpose_gss.models.deconv_encoder import DeconvEncoder
from mmpose_gss.registry import MODELS

PRESETS = dict(ultrafast=cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
               fast=cv2.DISOPTICAL_FLOW_PRESET_FAST,
               medium=cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
# ITU-R BT.601 luminance of red, green, blue.
LUMINANCE = (0.299, 0.587, 0.114)


@MODELS.register_module()
class FlowEncoder(DeconvEncoder):
    """An encoder whose maps carry two more channels: DIS flow from the key frame to each frame.

    The flow (Kroeger et al. 2016, OpenCV) is averaged down to the map and given in its pixels, x before y;
    it is zero for the key frame itself. It has no parameters and no gradient, and runs on the CPU.

    Args:
        backbone (dict): As in :class:`DeconvEncoder`, whose checkpoints fit.
        num_frames (int): Frames T of a window; the images come window after window, in time order.
        deconv (dict, optional): As in :class:`DeconvEncoder`.
        key_index (int, optional): Position of the key frame. Defaults to ``T // 2``.
        preset (str): Effort of the flow: ``'ultrafast'``, ``'fast'`` or ``'medium'``.
        mean (Sequence[float]): Mean that the data preprocessor subtracted, RGB, 0 to 255.
        std (Sequence[float]): Standard deviation by which it divided.
        init_cfg (dict, optional): As in :class:`DeconvEncoder`.

    Raises:
        ValueError: If the preset is unknown.
    """

    def __init__(self, backbone: dict, num_frames: int, deconv: Optional[dict] = None,
                 key_index: Optional[int] = None, preset: str = 'medium',
                 mean: Sequence[float] = (123.675, 116.28, 103.53),
                 std: Sequence[float] = (58.395, 57.12, 57.375), init_cfg: Optional[dict] = None) -> None:
        super().__init__(backbone, deconv, init_cfg)
        if preset not in PRESETS:
            raise ValueError(f'FlowEncoder: preset must be one of {sorted(PRESETS)}, got {preset!r}')
        self.num_frames = num_frames
        self.key_index = num_frames // 2 if key_index is None else key_index
        self.preset = preset
        self.mean = tuple(mean)
        self.std = tuple(std)

    def grey(self, x: Tensor) -> np.ndarray:
        """Undo the normalisation: ``(N,3,H,W)`` to uint8 ``(N,H,W)``."""
        def channels(values: Sequence[float]) -> Tensor:
            return torch.tensor(values).view(1, 3, 1, 1)
        images = x.detach().float().cpu() * channels(self.std) + channels(self.mean)
        return (images * channels(LUMINANCE)).sum(1).round().clamp(0, 255).byte().numpy()

    def flow(self, x: Tensor) -> Tensor:
        """Flow of windows.

        Args:
            x (Tensor): Normalised images ``(N,3,H,W)``.

        Returns:
            Tensor: ``(N,2,H,W)`` in pixels of the images, on the device of the images.

        Raises:
            ValueError: If N is not a multiple of T.
        """
        if x.shape[0] % self.num_frames:
            raise ValueError(f'FlowEncoder got {x.shape[0]} images, not a multiple of num_frames='
                             f'{self.num_frames}; set num_frames to the length of frame_offsets')
        if x.is_meta:  # counters run models on shapes alone
            return x.new_zeros(x.shape[0], 2, *x.shape[2:])
        method = cv2.DISOpticalFlow_create(PRESETS[self.preset])
        images = self.grey(x).reshape(-1, self.num_frames, *x.shape[2:])
        flow = np.zeros((*images.shape, 2), dtype=np.float32)
        for window, shifts in zip(images, flow):
            for position in set(range(self.num_frames)) - {self.key_index}:
                shifts[position] = method.calc(window[self.key_index], window[position], None)
        return torch.from_numpy(flow).flatten(0, 1).permute(0, 3, 1, 2).to(x.device)

    def forward(self, x: Tensor) -> Tuple[Tensor, ...]:
        """Encode normalised images ``(N,3,H,W)``; return a tuple of one map ``(N,C+2,h,w)``."""
        feats, = super().forward(x)
        height, width = feats.shape[2:]
        flow = F.adaptive_avg_pool2d(self.flow(x), (height, width))
        scale = torch.tensor([width / x.shape[3], height / x.shape[2]], device=flow.device).view(1, 2, 1, 1)
        return (torch.cat([feats, (flow * scale).to(feats.dtype)], dim=1), )
