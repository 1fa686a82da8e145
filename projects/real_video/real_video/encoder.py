"""The encoder of single frames, trained on key frames with a head of its own and then frozen.

Shapes: B crops, T frames, C channels, h, w map at a quarter of the crop.
"""
from __future__ import annotations

from typing import Callable, Iterator, Tuple

import numpy as np
import torch
from mmpose.models.losses import KeypointMSELoss
from torch import Tensor, nn

from mmpose_gss.registry import MODELS

from .settings import CHANNELS, MEAN, STD, Settings
from .windows import Windows

#: The demo's encoder: a small residual network and two deconvolutions.
ENCODER = dict(
    type='mmpose_gss.DeconvEncoder',
    backbone=dict(type='mmpose.ResNet', depth=18, stem_channels=32, base_channels=32, num_stages=3,
                  strides=(1, 2, 2), dilations=(1, 1, 1), out_indices=(2, )),
    deconv=dict(in_channels=128, out_channels=(CHANNELS, CHANNELS), kernel_sizes=(4, 4)))


def head_config(num_points: int, settings: Settings) -> dict:
    """MMPose's head as one 3×3 convolution."""
    return dict(type='mmpose.HeatmapHead', in_channels=CHANNELS, out_channels=num_points,
                deconv_out_channels=None, final_layer=dict(kernel_size=3, padding=1), decoder=settings.codec)


def normalised(images: Tensor) -> Tensor:
    """Crops ``(…,3,H,W)`` uint8 in BGR as float in RGB."""
    mean, std = (images.new_tensor(values, dtype=torch.float32).view(3, 1, 1) for values in (MEAN, STD))
    return (images.float().flip(-3) - mean) / std


def warm_cosine(iterations: int) -> Callable[[int], float]:
    """Factor of the learning rate: a short linear rise, then half a cosine to zero."""
    warm = max(1, iterations // 20)
    return lambda i: min(1.0, (i + 1) / warm) * 0.5 * (1 + float(np.cos(np.pi * i / iterations)))


def batches(count: int, size: int, iterations: int, seed: int) -> Iterator[Tensor]:
    """Indices of random batches; every sample comes once before any comes again."""
    order, places = np.random.default_rng(seed), np.zeros(0, dtype=int)
    for _ in range(iterations):
        while len(places) < size:
            places = np.concatenate((places, order.permutation(count)))
        yield torch.from_numpy(places[:size])
        places = places[size:]


def train_encoder(windows: Windows, settings: Settings, seed: int) -> Tuple[nn.Module, nn.Module]:
    """Train encoder and head on the key frames of windows; returned in evaluation mode."""
    torch.manual_seed(seed)
    encoder, head = MODELS.build(ENCODER), MODELS.build(head_config(windows.heatmaps.shape[1], settings))
    encoder.init_weights()
    head.init_weights()
    params = [*encoder.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(params, lr=settings.lr, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, warm_cosine(settings.encoder_iterations))
    criterion, middle = KeypointMSELoss(use_target_weight=True), windows.images.shape[1] // 2
    for index in batches(len(windows), settings.encoder_batch, settings.encoder_iterations, seed):
        maps = encoder(normalised(windows.images[index, middle]))
        loss = criterion(head(maps), windows.heatmaps[index], windows.weights[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return encoder.eval().requires_grad_(False), head.eval().requires_grad_(False)


@torch.no_grad()
def encode(encoder: nn.Module, windows: Windows, batch: int = 16) -> Tensor:
    """Features ``(N,T,C,h,w)`` of all frames."""
    parts = []
    for images in windows.images.split(batch):
        maps = encoder(normalised(images).flatten(0, 1))[0]
        parts.append(maps.unflatten(0, images.shape[:2]))
    return torch.cat(parts)
