"""Single frame, GLSMamba and SDTC beside each other, tiny, on hard synthetic clips.

    python projects/synthetic_posetrack/compare_systems.py WORK_DIR

All systems see the same samples in the same order for the same number of iterations, on features of the
same frozen encoder, with three seeds each; clips, encoder and evaluation are those of compare_windows.py.
The parts of the loss at the beginning and at the end of a training are printed too. It runs on one core.

Shapes: N samples, B of them in a batch, T frames, C channels, K joints, h, w map.
"""
from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np
import torch
from compare_windows import (
    CHANNELS,
    Samples,
    as_clip,
    draw_clips,
    encode,
    evaluate,
    load_windows,
    optimise,
    train_encoder,
)
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData, PixelData
from mmpose.models.losses import KeypointMSELoss
from mmpose.structures import PoseDataSample
from torch import Tensor, nn

from mmpose_gss.models import ClipDataPreprocessor, GLSMambaNeck, SDTCNeck, TemporalHeatmapHead

FRAMES = 5


class System(nn.Module):
    """A neck on windows of features and its head; without a neck the key frame alone is seen.

    Args:
        neck (nn.Module, optional): A :class:`BaseVideoNeck`.
        upsample (bool): Whether the head doubles the size of the neck's map.
    """

    def __init__(self, neck: Optional[nn.Module], upsample: bool) -> None:
        super().__init__()
        deconv = dict(deconv_out_channels=(CHANNELS, ), deconv_kernel_sizes=(4, )) if upsample else {}
        self.neck, self.head = neck, TemporalHeatmapHead(CHANNELS, 17, **deconv)
        self.head.init_weights()
        if neck is not None:
            neck.init_weights()

    def forward(self, feats: Tensor) -> Tensor:
        """Heatmaps ``(B,K,2h,2w)`` of windows ``(B,T,C,h,w)``."""
        return self.head(self._key_frame(feats) if self.neck is None else self.neck(as_clip(feats)))

    def losses(self, feats: Tensor, samples: Sequence[PoseDataSample], heatmaps: Tensor,
               weights: Tensor) -> Dict[str, Tensor]:
        """All parts of the training loss."""
        out, parts = self._key_frame(feats), {}
        if self.neck is not None:
            out, parts = self.neck.loss(as_clip(feats), samples)
        loss = KeypointMSELoss(use_target_weight=True)(self.head(out), heatmaps, weights)
        return dict(loss_kpt=loss, **parts)

    @staticmethod
    def _key_frame(feats: Tensor) -> Tuple[Tensor]:
        return (feats[:, FRAMES // 2], )


def single_frame() -> System:
    """The head on the key frame's features."""
    return System(None, upsample=True)


def glsmamba() -> System:
    """GLSMamba as in compare_windows.py."""
    return System(GLSMambaNeck(CHANNELS, embed_dims=CHANNELS, num_frames=FRAMES, num_global=2, num_local=1,
                               resolution='1/8', window=(8, 6), scan=dict(d_state=8, dt_rank=4)),
                  upsample=False)


def sdtc() -> System:
    """SDTC with one divided layer per level; a token is a pixel of the map."""
    return System(SDTCNeck(CHANNELS, embed_dims=CHANNELS, num_frames=FRAMES,
                           motion=dict(num_heads=1, num_divided=1, ffn_ratio=2., mask_patch=2),
                           reconstruction=dict(num_heads=1)), upsample=True)


SYSTEMS: Dict[str, Callable[[], System]] = {'single frame': single_frame, 'GLSMamba': glsmamba, 'SDTC': sdtc}


def data_samples(heatmaps: Tensor, weights: Tensor) -> List[PoseDataSample]:
    """Targets of a batch in the form that a neck's loss reads."""
    samples = []
    for maps, weight in zip(heatmaps, weights):
        sample = PoseDataSample()
        sample.gt_fields = PixelData(heatmaps=maps)
        sample.gt_instance_labels = InstanceData(keypoint_weights=weight[None])
        samples.append(sample)
    return samples


def train(build: Callable[[], System], windows: Samples, seed: int, iterations: int,
          batch_size: int) -> tuple:
    """Train a system; returns it and the history of each part of its loss."""
    torch.manual_seed(seed)
    system = build().train()
    optimizer, schedule = optimise(list(system.parameters()), iterations, 2e-3)
    order, places, history = np.random.default_rng(seed), np.zeros(0, dtype=int), defaultdict(list)
    for _ in range(iterations):
        if len(places) < batch_size:
            places = order.permutation(len(windows.feats))
        batch, places = torch.from_numpy(places[:batch_size]), places[batch_size:]
        heatmaps, weights = windows.heatmaps[batch].float(), windows.weights[batch]
        parts = system.losses(
            windows.feats[batch].float(), data_samples(heatmaps, weights), heatmaps, weights)
        optimizer.zero_grad()
        sum(parts.values()).backward()
        nn.utils.clip_grad_norm_(system.parameters(), 1.)
        optimizer.step()
        schedule.step()
        for name, value in parts.items():
            history[name].append(float(value))
    return system.eval(), history


def fall(history: Dict[str, List[float]]) -> Dict[str, List[float]]:
    """Mean of each part over the first and the last tenth of a training, where it is not empty."""
    def mean(values: Sequence[float]) -> float:
        seen = [value for value in values if value > 0]
        return float(np.mean(seen)) if seen else 0.
    return {name: [mean(values[:max(1, len(values) // 10)]), mean(values[-max(1, len(values) // 10):])]
            for name, values in history.items()}


def table(results: Dict[str, List[dict]]) -> str:
    """Markdown table of all systems."""
    kinds = list(next(iter(results.values()))[0]['ap'])
    lines = ['| system | ' + ' | '.join(f'AP, {kind}' for kind in kinds) + ' |',
             '|---' * (len(kinds) + 1) + '|']
    for name, rows in results.items():
        cells = []
        for kind in kinds:
            values = [row['ap'][kind] for row in rows]
            cells.append(f'{np.mean(values):.1f} ({", ".join(f"{value:.1f}" for value in values)})')
        lines.append(f'| {name} | ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines)


def parse_args(argv=None) -> argparse.Namespace:
    """Read the command line; the options that compare_windows.py shares mean the same."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('work_dir', type=Path, help='folder for clips and results')
    parser.add_argument('--clips', type=int, default=40, help='clips to draw, a fifth of them for validation')
    parser.add_argument('--frames', type=int, default=24, help='frames per clip')
    parser.add_argument('--stride', type=int, default=6, help='frames between two frames of a window')
    parser.add_argument('--key-interval', type=int, default=4, help='frames between two key frames')
    parser.add_argument('--encoder-epochs', type=int, default=10)
    parser.add_argument('--iterations', type=int, default=200, help='of each training of a system')
    parser.add_argument('--batch-size', type=int, default=8)
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument('--people', default='2-4', help='persons per clip')
    return parser.parse_args(argv)


def main(argv=None) -> int:
    """Run the comparison."""
    args = parse_args(argv)
    start = time.process_time()
    init_default_scope('mmpose')
    MMLogger.get_current_instance().setLevel('WARNING')
    torch.set_num_threads(1)
    np.random.seed(0)
    folder = draw_clips(args)
    preprocess = ClipDataPreprocessor(
        mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True)
    windows = load_windows(folder, 'train', args, augment=2)
    encoder = train_encoder(windows, args.encoder_epochs, preprocess)
    training = encode(windows, encoder, preprocess)
    held_out = encode(load_windows(folder, 'val', args, augment=0), encoder, preprocess)
    print(f'{len(training.feats)} windows to train on, {len(held_out.feats)} to validate on, '
          f'{time.process_time() - start:.0f} s of processor', flush=True)
    results: Dict[str, List[dict]] = {name: [] for name in SYSTEMS}
    for seed in args.seeds:
        for name, build in SYSTEMS.items():
            system, history = train(build, training, seed, args.iterations, args.batch_size)
            results[name].append(dict(ap=evaluate(system, held_out, FRAMES), losses=fall(history)))
            spent = time.process_time() - start
            print(f'{name}, seed {seed}: {results[name][-1]}, {spent:.0f} s', flush=True)
            (args.work_dir / 'compare_systems.json').write_text(json.dumps(results, indent=1))
    print('\n' + table(results))
    return 0


if __name__ == '__main__':
    sys.exit(main())
