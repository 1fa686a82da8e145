"""The encoder of single frames: trained once, with a head of its own, then frozen.

Shapes: B crops, C channels, K joints, h, w map at a quarter of the crop.
"""
from __future__ import annotations

import time
from pathlib import Path
from typing import Callable, Dict, Tuple

import numpy as np
import torch
from mmpose.models.losses import KeypointMSELoss
from torch import nn

from mmpose_gss.engine.checkpoint import load_checkpoint, read_checkpoint
from mmpose_gss.registry import MODELS
from window_benchmark.files import whole
from window_benchmark.settings import CHANNELS, CODEC, NUM_JOINTS, Settings
from window_benchmark.windows import build_dataset, preprocessor, targets_of

#: The demo's encoder: a small residual network and two deconvolutions.
ENCODER = dict(
    type='mmpose_gss.DeconvEncoder',
    backbone=dict(type='mmpose.ResNet', depth=18, stem_channels=32, base_channels=32, num_stages=3,
                  strides=(1, 2, 2), dilations=(1, 1, 1), out_indices=(2, )),
    deconv=dict(in_channels=128, out_channels=(CHANNELS, CHANNELS), kernel_sizes=(4, 4)))
LEARNING_RATE, BATCH_SIZE = 2e-3, 32


def head_config(channels: int = CHANNELS, **changes) -> Dict:
    """MMPose's head as one 3x3 convolution on a map of ``channels``, with changes."""
    return dict(type='mmpose.HeatmapHead', in_channels=channels, out_channels=NUM_JOINTS, decoder=CODEC,
                **{**dict(deconv_out_channels=None, final_layer=dict(kernel_size=3, padding=1)), **changes})


def warm_cosine(iterations: int) -> Callable[[int], float]:
    """Factor of the learning rate: a short linear rise, then half a cosine to zero."""
    warm = max(1, iterations // 20)
    return lambda i: min(1., (i + 1) / warm) * 0.5 * (1 + float(np.cos(np.pi * i / iterations)))


def build(seed: int = 0) -> Tuple[nn.Module, nn.Module]:
    """An untrained encoder and its head."""
    torch.manual_seed(seed)
    encoder, head = MODELS.build(ENCODER), MODELS.build(head_config())
    encoder.init_weights()
    head.init_weights()
    return encoder, head


def train(clips: Path, settings: Settings, path: Path, log: Callable[[str], None]) -> None:
    """Train on every frame of a set and write encoder, head and the minutes it took.

    Args:
        clips (Path): Folder of the set.
        settings (Settings): Iterations.
        path (Path): Where to write the weights.
        log (Callable): Takes a line now and then.
    """
    start = time.process_time()
    encoder, head = build()
    np.random.seed(0)
    dataset, preprocess = build_dataset(clips, (0, ), augment=True), preprocessor()
    iterations, places, losses = settings.encoder_iterations, np.zeros(0, dtype=int), []
    params = [*encoder.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(params, lr=LEARNING_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, warm_cosine(iterations))
    criterion, order = KeypointMSELoss(use_target_weight=True), np.random.default_rng(0)
    for i in range(iterations):
        while len(places) < BATCH_SIZE:
            places = np.concatenate((places, order.permutation(len(dataset))))
        batch, places = [dataset[int(j)] for j in places[:BATCH_SIZE]], places[BATCH_SIZE:]
        heatmaps, weights = targets_of(batch)
        images = preprocess(dict(inputs=[item['inputs'] for item in batch]))['inputs'][:, 0]
        loss = criterion(head(encoder(images)), heatmaps, weights)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(float(loss.detach()))
        if (i + 1) % 50 == 0:
            log(f'encoder, iteration {i + 1} of {iterations}: loss {np.mean(losses[-50:]):.5f}')
    state = {**{f'encoder.{key}': value for key, value in encoder.state_dict().items()},
             **{f'head.{key}': value for key, value in head.state_dict().items()}}
    with whole(path) as partial:
        torch.save(dict(state_dict=state, minutes=(time.process_time() - start) / 60), partial)


def load_encoder(path: Path) -> nn.Module:
    """The trained encoder, frozen."""
    encoder = build()[0]
    load_checkpoint(encoder, path, 'the encoder', prefix='encoder.')
    return encoder.eval().requires_grad_(False)


def load_head(path: Path, head: nn.Module) -> None:
    """Give a head of the same shape the weights of the encoder's own."""
    load_checkpoint(head, path, "the row's head", prefix='head.')


def trained_minutes(path: Path) -> float:
    """How long the encoder was trained, minutes of processor time."""
    return float(read_checkpoint(path)['minutes'])
