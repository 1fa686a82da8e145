#!/usr/bin/env python
"""Time GLSMamba's neck over the number of tokens, against joint space-time attention of the same width.

    python tools/analysis_tools/benchmark_neck.py --out docs/glsmamba_neck_time.png
    python tools/analysis_tools/benchmark_neck.py --encoder td-hm_GLSMamba-base_1xb16-20e_posetrack17-256x192

The first command prints the times, the exponent of a power law through the neck's, and where the curves
cross; the second compares the forward pass of a whole model with that of its own frozen encoder. Best of
several runs.
"""
from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Callable, List, Optional, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmpose_gss.engine.cli import run_command
from mmpose_gss.models import GLSMambaNeck
from mmpose_gss.models.clip_features import ClipFeatures
from mmpose_gss.models.layers.mlp import MLP
from mmpose_gss.structures.clip_window import ClipWindow

#: Maps of 5 frames: 240 to 30,720 tokens; attention is not timed beyond 15,360.
MAPS = ((8, 6), (16, 12), (32, 24), (64, 48), (96, 64))
ATTENTION_LIMIT = 15360
FRAMES, WIDTH, DEPTH, HEADS = 5, 256, 6, 8


class AttentionBlock(nn.Module):
    """Pre-norm transformer block over all tokens of the window."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.proj = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.ffn = MLP(WIDTH, 3.25)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B,L,D)`` to ``(B,L,D)``."""
        q, k, v = self.qkv(self.norm1(x)).unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        x = x + self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return x + self.ffn(self.norm2(x))


def best_time(run: Callable, repeats: int, clock: Callable = time.perf_counter) -> float:
    """Return the shortest of several runs in seconds."""
    times = []
    for _ in range(repeats):
        start = clock()
        run()
        times.append(clock() - start)
    return min(times)


def exponent(tokens: Sequence[int], seconds: Sequence[float]) -> float:
    """Slope of log time over log tokens."""
    return float(np.polyfit(np.log(tokens), np.log(seconds), 1)[0])


def crossing(tokens: Sequence[int], one: Sequence[float], other: Sequence[float]) -> Optional[float]:
    """Tokens from which on ``other`` takes longer than ``one``, interpolated on log axes; None if nowhere."""
    gap = np.log(other) - np.log(one[:len(other)])
    for i in range(len(gap) - 1):
        if gap[i] <= 0 < gap[i + 1]:
            share = -gap[i] / (gap[i + 1] - gap[i])
            return float(np.exp(np.log(tokens[i]) + share * (np.log(tokens[i + 1]) - np.log(tokens[i]))))
    return None


def compare(repeats: int, clock: Callable, out: Optional[Path]) -> None:
    """Time both necks and draw them."""
    neck = GLSMambaNeck(WIDTH, WIDTH, FRAMES).eval()
    attention = nn.Sequential(*(AttentionBlock() for _ in range(DEPTH))).eval()
    tokens, ours, theirs = [], [], []
    for h, w in MAPS:
        feats = ClipFeatures([torch.randn(1, FRAMES, WIDTH, h, w)], None, ClipWindow.centred(FRAMES))
        sequence = torch.randn(1, FRAMES * h * w, WIDTH)
        tokens.append(FRAMES * h * w)
        ours.append(best_time(lambda feats=feats: neck(feats), repeats, clock))
        text = f'{tokens[-1]:6d} tokens: GLSMamba {ours[-1]:.3f} s'
        if tokens[-1] <= ATTENTION_LIMIT:
            theirs.append(best_time(lambda sequence=sequence: attention(sequence), repeats, clock))
            text += f', attention {theirs[-1]:.3f} s'
        print(text, flush=True)
    place = crossing(tokens, ours, theirs)
    where = f'at {place:.0f} tokens' if place else 'nowhere in this range'
    print(f'exponent of the neck {exponent(tokens[1:], ours[1:]):.2f} from {tokens[1]} tokens; '
          f'the curves cross {where}')
    if out:
        draw(tokens, ours, theirs, place, out)


def draw(tokens: List[int], ours: List[float], theirs: List[float], place: Optional[float],
         out: Path) -> None:
    """Plot both curves on log axes."""
    import matplotlib
    matplotlib.use('Agg')
    from matplotlib import pyplot as plt
    figure, axes = plt.subplots(figsize=(6, 4), layout='constrained')
    axes.loglog(tokens,
                ours,
                'o-',
                label=f'GLSMamba neck, tokens^{exponent(tokens[1:], ours[1:]):.2f} from {tokens[1]}')
    axes.loglog(tokens[:len(theirs)], theirs, 's-', label='joint space-time attention')
    if place:
        axes.axvline(place, color='0.6', ls='--', lw=1, label=f'crossing at {place:.0f}')
    axes.set(xlabel='tokens (5 frames)', ylabel=f'seconds, CPU threads: {torch.get_num_threads()}')
    axes.grid(True, which='both', alpha=0.3)
    axes.legend()
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=90)
    plt.close(figure)


def compare_with_encoder(config: str, repeats: int, clock: Callable) -> None:
    """Time a whole model and its encoder on one sample, in turns."""
    from mmengine.registry import init_default_scope

    from mmpose_gss.engine.config import load_config
    from mmpose_gss.registry import MODELS
    cfg = load_config(config)
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    model = MODELS.build(cfg.model).eval()
    width, height = cfg.model.head.decoder.input_size
    clip = torch.randn(1, cfg.model.neck.num_frames, 3, height, width)
    encoder, whole = [], []
    for _ in range(repeats):  # in turns, so that a disturbance meets both
        encoder.append(best_time(lambda: model.encode(clip), 1, clock))
        whole.append(best_time(lambda: model(clip, None, mode='tensor'), 1, clock))
    print(
        f'encoder {min(encoder):.3f} s, whole model {min(whole):.3f} s, ratio {min(whole) / min(encoder):.2f}'
    )


def main(argv: Optional[List[str]] = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', type=Path, help='plot to write')
    parser.add_argument('--encoder', metavar='CONFIG', help='compare a model with its own encoder instead')
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--repeats', type=int, default=3)
    parser.add_argument(
        '--cpu-time', action='store_true', help='CPU time of one thread instead of the clock\'s')
    args = parser.parse_args(argv)
    torch.set_num_threads(1 if args.cpu_time else args.threads)
    clock = time.process_time if args.cpu_time else time.perf_counter
    with torch.inference_mode():
        if args.encoder:
            compare_with_encoder(args.encoder, args.repeats, clock)
        else:
            compare(args.repeats, clock, args.out)


if __name__ == '__main__':
    run_command(main)
