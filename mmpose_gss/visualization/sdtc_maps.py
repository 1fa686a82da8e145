"""Draw what happens inside SDTC: figures 6, 8 and 11 of the paper, and its reconstruction. Needs Matplotlib.

Shapes: T frames, H, W size of a crop, (h, w) of a map, L = h·w places, D channels; crops are uint8, RGB.
"""
from __future__ import annotations

from pathlib import Path
from typing import Dict, Sequence, Tuple

import cv2
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

TUBE_COLOUR, FRAME_COLOUR = (255, 214, 0), (40, 110, 255)  # yellow and blue, as in figure 8


def strength(feature: Tensor) -> np.ndarray:
    """Take the length of the feature vector per pixel, ``(D,h,w)`` to ``(h,w)`` in 0 to 1."""
    length = feature.float().cpu().norm(dim=0).numpy()
    return (length - length.min()) / max(float(length.max() - length.min()), 1e-12)


def paint(crop: np.ndarray, mask: np.ndarray, colour: Sequence[int], opacity: float = 0.6) -> np.ndarray:
    """Colour the masked places ``(h,w)`` of a crop ``(H,W,3)``."""
    full = cv2.resize(mask.astype(np.uint8), crop.shape[1::-1], interpolation=cv2.INTER_NEAREST)[..., None]
    return np.where(full > 0, (1 - opacity) * crop + opacity * np.array(colour), crop).astype(np.uint8)


def overlay(crop: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Lay a heatmap ``(h,w)`` over a crop ``(H,W,3)``; 0 is clear, 1 and more is full."""
    heat = cv2.resize(heat.astype(np.float32), crop.shape[1::-1]).clip(0, 1)
    colours = cv2.applyColorMap((255 * heat).astype(np.uint8), cv2.COLORMAP_JET)[..., ::-1]
    return (0.45 * crop + 0.55 * colours).astype(np.uint8)


def save_grid(path: Path, rows: Sequence[Sequence[np.ndarray]], titles: Sequence[Sequence[str]]) -> Path:
    """Save rows of pictures, grey ones ``(h,w)`` in colours, with a title each."""
    columns = max(map(len, rows))
    figure = Figure(figsize=(1.7 * columns, 2.5 * len(rows)))
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for axis in axes.flat:
        axis.axis('off')
    for row, row_titles, row_axes in zip(rows, titles, axes):
        for picture, title, axis in zip(row, row_titles, row_axes):
            axis.imshow(picture, **({} if picture.ndim == 3 else dict(cmap='jet', interpolation='nearest')))
            axis.set_title(title, fontsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=150)
    return path


def draw_masks(path: Path, crops: Sequence[np.ndarray],
               masks: Sequence[Tuple[float, np.ndarray, np.ndarray]]) -> Path:
    """Draw figure 8: masks of several ratios on the frames, tubes yellow, whole frames blue.

    Args:
        path (Path): Picture to write.
        crops (Sequence[ndarray]): T crops ``(H,W,3)`` uint8, RGB.
        masks (Sequence[tuple]): Per row the ratio, the tube's places ``(h,w)`` and masked frames ``(T,)``.

    Returns:
        Path: The picture.
    """
    rows, titles = [], []
    for ratio, tube, frames in masks:
        rows.append([paint(paint(crop, tube, TUBE_COLOUR), np.full_like(tube, bool(whole)), FRAME_COLOUR)
                     for crop, whole in zip(crops, frames)])
        titles.append([f'r = {ratio:.0%}' + (', frame masked' if whole else '') for whole in frames])
    return save_grid(path, rows, titles)


def draw_context_maps(path: Path, key: np.ndarray, maps: Dict[str, Tensor], number: int, seed: int) -> Path:
    """Draw figure 6: the same random channels of O_S (top) and O_M (bottom)."""
    channels = np.random.default_rng(seed).permutation(len(maps['context_spatial']))[:number]
    rows = [[key] + [maps[name][channel].float().cpu().numpy() for channel in channels]
            for name in ('context_spatial', 'context_motion')]
    titles = [['key frame'] + [f'{name}, channel {channel}' for channel in channels]
              for name in ('O_S', 'O_M')]
    return save_grid(path, rows, titles)


def draw_features(path: Path, key: np.ndarray, maps: Dict[str, Tensor]) -> Path:
    """Draw figure 11, and the weights of the fusion (Eq. 12)."""
    names = {'patch-level motion': 'patch-level motion', 'frame-level motion': 'frame-level motion',
             'motion': 'gathered motion', 'spatial': 'gathered spatial', 'fused': 'fused'}
    weights = {'attention_spatial': 'A_S', 'attention_motion': 'A_M'}
    row = [key] + [strength(maps[name]) for name in names if name in maps]
    titles = ['key frame'] + [title for name, title in names.items() if name in maps]
    for name, title in weights.items():
        if name in maps:
            row.append(maps[name][0].float().cpu().numpy())
            titles.append(f'{title}, {row[-1].min():.2f} to {row[-1].max():.2f}')
    return save_grid(path, [row], [titles])


def draw_reconstruction(path: Path, crops: Sequence[np.ndarray], seen: Dict, middle: int) -> Path:
    """Draw masked frames, features, features with masked places reconstructed, reconstructed heatmaps."""
    size, masks = seen['size'], seen['masks']
    tube = masks.tube[0].cpu()
    whole = torch.zeros(len(crops), dtype=torch.bool) if masks.frame is None else masks.frame[0].cpu()
    hidden = tube[None] | whole[:, None]                                      # (T,L)
    mixed = torch.where(hidden[..., None], seen['context'], seen['target'])
    rows = [[paint(paint(crop, tube.view(size).numpy(), TUBE_COLOUR),
                   np.full(size, bool(masked)), FRAME_COLOUR) for crop, masked in zip(crops, whole)],
            [strength(frame.T.unflatten(1, size)) for frame in seen['target']],
            [strength(frame.T.unflatten(1, size)) for frame in mixed],
            [overlay(crop, pose.amax(1).view(size).numpy()) for crop, pose in zip(crops, seen['pose'])]]
    names = ('masked', 'features', 'reconstructed', 'poses')
    titles = [[f'{name}, {place - middle:+d}' for place in range(len(crops))] for name in names]
    return save_grid(path, rows, titles)
