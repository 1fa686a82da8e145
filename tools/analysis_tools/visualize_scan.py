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

import numpy as np
import torch
from torch import nn

from mmpose_gss.engine.cli import run_command
from mmpose_gss.errors import UserError
from mmpose_gss.ops import GLSMAMBA_ORDERS, GLSMAMBA_WINDOW_ORDERS
from mmpose_gss.visualization.attention import draw_attention
from mmpose_gss.visualization.scan_orders import draw_orders


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


def look(model: nn.Module, crops: np.ndarray) -> Dict[str, np.ndarray]:
    """Find the heatmaps of the key frame and where the model looks for them.

    Args:
        model (nn.Module): A ``VideoTopdownPoseEstimator``.
        crops (np.ndarray): ``(T,H,W,3)`` uint8, BGR.

    Returns:
        dict: ``heatmap (h,w)`` maximum over joints; ``attention (T,h,w)``, 1 at most; ``channels
        (blocks,T)``.
    """
    from mmpose_gss.models.glsmamba.blocks import SequentialChannelAttention
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


def run_clip(args: argparse.Namespace) -> None:
    """Build the model, look at the clip, draw.

    Raises:
        UserError: If the number of frames is not the config's.
    """
    from mmengine.registry import init_default_scope

    from mmpose_gss.engine.checkpoint import load_checkpoint
    from mmpose_gss.engine.config import load_config
    from mmpose_gss.registry import MODELS
    cfg = load_config(args.config)
    if not cfg.model.get('neck') or cfg.model.neck.num_frames != len(args.frames):
        wanted = cfg.model.neck.num_frames if cfg.model.get('neck') else 'no'
        raise UserError(f'{args.config} sees {wanted} frames, --frames names {len(args.frames)}')
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    model = MODELS.build(cfg.model).eval()
    if args.checkpoint:
        load_checkpoint(model, args.checkpoint, args.config)
    crops = crop_frames(args.frames, args.bbox, tuple(cfg.model.head.decoder.input_size))
    draw_attention(crops, look(model, crops), args.out)


def main(argv: Optional[List[str]] = None) -> None:
    """Run the command line."""
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
        try:
            draw_orders(args.orders, tuple(args.grid), args.out)
        except ValueError as error:  # of the operators, which know torch alone
            raise UserError(f'--orders or --grid: {error}') from error
    else:
        run_clip(args)
    print(f'{args.out} written')


if __name__ == '__main__':
    run_command(main)
