#!/usr/bin/env python
"""Draw scan orders, or what a model looks at in a clip.

    python tools/analysis_tools/visualize_scan.py orders scan_orders.png --grid 3 8 6
    python tools/analysis_tools/visualize_scan.py clip CONFIG looked_at.png --frames 0.jpg 1.jpg \
        2.jpg 3.jpg 4.jpg --bbox 40 30 80 160 --checkpoint epoch_20.pth

``orders`` draws the frames side by side and the path through their tokens, dark at its beginning and bright
at its end, one line per sequence (a window is a sequence of its own). ``clip`` draws every frame's crop under
its attention, |gradient × feature| of the joints' heatmap maxima, with the mean channel attention of every
global block, and the key frame under its heatmaps.
"""
from __future__ import annotations

import argparse
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

import matplotlib
import numpy as np

from mmpose_gss.engine.cli import run_command
from mmpose_gss.ops import GLSMAMBA_ORDERS, GLSMAMBA_WINDOW_ORDERS, ScanOrder, get_scan_order

matplotlib.use('Agg')
from matplotlib import pyplot as plt  # noqa: E402
from matplotlib.collections import LineCollection  # noqa: E402

GAP = 1  # columns between two frames of a picture


def place_tokens(order: ScanOrder) -> np.ndarray:
    """Where the tokens of an order are drawn, in the order of visit: ``(L,2)``, x and y."""
    frames, height, width = order.grid
    t, h, w = np.unravel_index(order.index.numpy(), (frames, height, width))
    return np.stack((t * (width + GAP) + w, h), axis=1).astype(float)


def sequences(order: ScanOrder) -> List[np.ndarray]:
    """The places of each sequence."""
    return np.split(place_tokens(order), order.starts.numpy()[1:])


def draw_order(axes, order: ScanOrder) -> None:
    """Draw one order into axes."""
    frames, height, width = order.grid
    for t in range(frames):
        left = t * (width + GAP) - 0.5
        axes.add_patch(plt.Rectangle((left, -0.5), width, height, facecolor='0.94', edgecolor='0.6', lw=0.8))
    for places in sequences(order):
        steps = np.stack((places[:-1], places[1:]), axis=1)
        lines = LineCollection(steps, cmap='viridis', linewidths=1.1)
        lines.set_array(np.linspace(0, 1, max(len(steps), 1))[:len(steps)])
        axes.add_collection(lines)
        axes.plot(*places[0], 'o', color='tab:red', ms=3)
    axes.set(xlim=(-1, frames * (width + GAP) - 0.5),
             ylim=(height - 0.3, -0.7),
             aspect='equal',
             title=order.name)
    axes.set_axis_off()


def draw_orders(names: Sequence[str], grid: Tuple[int, int, int], out: Path) -> None:
    """Draw orders below each other, two in a row.

    Args:
        names (Sequence[str]): Names known to :func:`mmpose_gss.ops.get_scan_order`.
        grid (tuple[int, int, int]): T, H, W.
        out (Path): Picture to write.
    """
    orders = [get_scan_order(name, *grid) for name in names]
    rows = (len(orders) + 1) // 2
    figure, axes = plt.subplots(rows,
                                2,
                                figsize=(12, 12 * rows * (grid[1] + 2) / (2 * grid[0] * (grid[2] + 1))),
                                squeeze=False,
                                layout='constrained')
    for cell in axes.flat[len(orders):]:
        cell.set_axis_off()
    for cell, order in zip(axes.flat, orders):
        draw_order(cell, order)
    figure.savefig(out, dpi=80)
    plt.close(figure)


def crop_frames(paths: Sequence[Path], bbox: Optional[Sequence[float]], size: Tuple[int, int]) -> np.ndarray:
    """Crop all frames to one box, as the data pipeline does: uint8 BGR ``(T,H,W,3)``.

    Raises:
        FileNotFoundError: If a frame cannot be read.
    """
    import cv2
    from mmpose.datasets.transforms import GetBBoxCenterScale, TopdownAffine
    frames = []
    for path in paths:
        frame = cv2.imread(str(path))
        if frame is None:
            raise FileNotFoundError(
                f'frame {path} does not exist or is no picture; give T frames in time order')
        frames.append(frame)
    x, y, w, h = bbox or (0, 0, frames[0].shape[1], frames[0].shape[0])
    results = dict(img=frames, bbox=np.array([[x, y, x + w, y + h]], dtype=np.float32))
    results = TopdownAffine(input_size=size)(GetBBoxCenterScale(padding=1.25)(results))
    return np.stack(results['img'])


def look(model, crops: np.ndarray) -> Dict[str, np.ndarray]:
    """Heatmaps of the key frame and where the model looks for them.

    Args:
        model: A ``VideoTopdownPoseEstimator``.
        crops (np.ndarray): ``(T,H,W,3)`` uint8, BGR.

    Returns:
        dict: ``heatmap (h,w)`` maximum over joints; ``attention (T,h,w)``, 1 at most; ``channels
        (blocks,T)``.
    """
    import torch

    from mmpose_gss.models.glsmamba.channel_attention import SequentialChannelAttention
    inputs = torch.from_numpy(crops.transpose(0, 3, 1, 2).copy())
    inputs = model.data_preprocessor(dict(inputs=[inputs], data_samples=None))['inputs']
    channels, hooks = [], []
    for module in model.modules():
        if isinstance(module, SequentialChannelAttention):
            hooks.append(module.register_forward_pre_hook(
                lambda block, args: channels.append(block.weights(args[0]).detach().mean(-1)[0].numpy())))
    feats = model.encode(inputs)
    last = feats.maps[-1] = feats.maps[-1].detach().requires_grad_()
    heatmaps = model.head(model.neck(feats))
    gradient, = torch.autograd.grad(heatmaps.amax((2, 3)).sum(), last)
    for hook in hooks:
        hook.remove()
    attention = (gradient * last).detach().abs().sum(2)[0].numpy()
    return dict(heatmap=heatmaps.detach()[0].amax(0).numpy(),
                attention=attention / max(attention.max(), 1e-12),
                channels=np.array(channels))


def draw_clip(crops: np.ndarray, seen: Dict[str, np.ndarray], out: Path) -> None:
    """Draw the result of :func:`look`."""
    count, (height, width) = len(crops), crops.shape[1:3]
    figure, axes = plt.subplots(2, count, figsize=(2.2 * count, 5.6), squeeze=False, layout='constrained')
    extent = (0, width, height, 0)
    for t in range(count):
        axes[0, t].imshow(crops[t, ..., ::-1], extent=extent)
        axes[0, t].imshow(seen['attention'][t], extent=extent, cmap='inferno', alpha=0.55, vmin=0, vmax=1)
        share = seen['attention'][t].sum() / max(seen['attention'].sum(), 1e-12)
        axes[0, t].set_title(f'frame {t - count // 2:+d}: {share:.0%}', fontsize=9)
        axes[1, t].set_axis_off()
        axes[0, t].set_axis_off()
    axes[1, 0].imshow(crops[count // 2, ..., ::-1], extent=extent)
    axes[1, 0].imshow(seen['heatmap'], extent=extent, cmap='inferno', alpha=0.6)
    axes[1, 0].set_title('heatmaps', fontsize=9)
    if count > 1 and len(seen['channels']):
        axes[1, 1].set_axis_on()
        for i, weights in enumerate(seen['channels']):
            axes[1, 1].plot(np.arange(count) - count // 2, weights, marker='o', ms=3, label=f'block {i}')
        axes[1, 1].set_title('channel attention', fontsize=9)
        axes[1, 1].legend(fontsize=6)
    figure.savefig(out, dpi=90)
    plt.close(figure)


def run_clip(args: argparse.Namespace) -> None:
    """Build the model, look at the clip, draw.

    Raises:
        ValueError: If the number of frames is not the config's.
    """
    from mmengine.registry import init_default_scope

    from mmpose_gss.engine.checkpoint import load_checkpoint
    from mmpose_gss.engine.config import load_config
    from mmpose_gss.registry import MODELS
    cfg = load_config(args.config)
    if not cfg.model.get('neck') or cfg.model.neck.num_frames != len(args.frames):
        wanted = cfg.model.neck.num_frames if cfg.model.get('neck') else 'no'
        raise ValueError(f'{args.config} sees {wanted} frames, --frames names {len(args.frames)}')
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    model = MODELS.build(cfg.model).eval()
    if args.checkpoint:
        load_checkpoint(model, args.checkpoint, args.config)
    crops = crop_frames(args.frames, args.bbox, tuple(cfg.model.head.decoder.input_size))
    draw_clip(crops, look(model, crops), args.out)


def main(argv: Optional[List[str]] = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(dest='what', required=True)
    orders = parts.add_parser('orders', help='draw scan orders')
    orders.add_argument('out', type=Path, help='picture to write')
    orders.add_argument('--grid', type=int, nargs=3, default=(3, 8, 6), metavar=('T', 'H', 'W'))
    orders.add_argument(
        '--orders',
        nargs='+',
        default=[*GLSMAMBA_ORDERS, 'window(4,3)', 'window_reversed(4,3)'],
        help=f'names, by default GLSMamba\'s with small windows; {GLSMAMBA_WINDOW_ORDERS[0]} is its own')
    clip = parts.add_parser('clip', help='draw heatmaps and attention over a clip')
    clip.add_argument('config', help='config file, or the base name of a shipped one')
    clip.add_argument('out', type=Path, help='picture to write')
    clip.add_argument('--frames', type=Path, nargs='+', required=True, help='T pictures in time order')
    clip.add_argument('--bbox',
                      type=float,
                      nargs=4,
                      metavar=('X', 'Y', 'W', 'H'),
                      help='person in the key frame')
    clip.add_argument('--checkpoint', help='weights; random ones without')
    args = parser.parse_args(argv)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    if args.what == 'orders':
        draw_orders(args.orders, tuple(args.grid), args.out)
    else:
        run_clip(args)
    print(f'{args.out} written')


if __name__ == '__main__':
    run_command(main)
