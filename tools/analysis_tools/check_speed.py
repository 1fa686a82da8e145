#!/usr/bin/env python
"""Judge the speed of operators and models on the CPU by ratios within one run; exit with 1 if one is missed.

    python tools/analysis_tools/check_speed.py [--only scan growth orders deform neck encoder posemamba]

For whoever changes kernels or models. Times say nothing where other programs compete for the cores, so no
test judges them. The scan has D = 256 channels and N = 16 states.
"""
from __future__ import annotations

import argparse
import sys
from typing import Callable, Dict, List, Optional, Sequence, Tuple

import torch
from benchmark_scan import best_time, exponent, make_inputs, run, scan_function
from torch import Tensor

from mmpose_gss.ops import GLSMAMBA_ORDERS, deform_conv2d, ordered_scan

DIM, STATES, LENGTH = 256, 16, 15360
LENGTHS = (960, 3840, 15360, 30720, 61440)
WINDOWS, WINDOW_LENGTH = 320, 240

#: Name of a figure, its least and its largest value.
BOUNDS: Dict[str, Tuple[Optional[float], Optional[float]]] = {
    'forward: times as fast as the loop': (80, None),
    'forward: chunked, times as fast as the loop': (4, None),
    'with backward: times as fast as the loop': (40, None),
    'exponent of the growth, 960 to 61,440 tokens': (None, 1.05),
    'exponent of the growth, 3,840 to 30,720 tokens': (None, 1.05),
    'a token in 320 windows, over one in a long sequence': (None, 1.25),
    'six orders, over one': (None, 7),
    'deformable convolution: times as fast as torchvision': (5, None),
    'exponent of the growth of GLSMamba, 960 to 30,720 tokens': (None, 1.1),
    'GLSMamba-B, over its encoder': (None, 4.5),
    'PoseMamba: times as fast as with the loop': (20, None),
    'PoseMamba: 243 frames, over 81': (None, 4.05),
}
CPU = torch.device('cpu')


def _seconds(backend: str, inputs: Sequence[Tensor], backward: bool, repeats: int) -> float:
    leaves = [x.detach().requires_grad_(backward) for x in inputs]
    return best_time(lambda: run(scan_function(backend), leaves, backward), CPU, repeats)


def _inputs(batch: int, length: int) -> Sequence[Tensor]:
    return make_inputs(batch, DIM, length, STATES, CPU)


def measure_against_loop() -> Dict[str, float]:
    """Compare the backends at 15,360 tokens; the loop's backward pass is taken at a quarter of the length.

    The loop costs a quarter at least there: its backward pass grows faster than its length.
    """
    inputs = _inputs(1, LENGTH)
    loop, chunked = _seconds('naive', inputs, False, 1), _seconds('chunked', inputs, False, 3)
    fast, both = _seconds('cpu', inputs, False, 10), _seconds('cpu', inputs, True, 8)
    loop_both = 4 * _seconds('naive', _inputs(1, LENGTH // 4), True, 1)
    return {'forward: times as fast as the loop': loop / fast,
            'forward: chunked, times as fast as the loop': loop / chunked,
            'with backward: times as fast as the loop': loop_both / both}


def measure_growth() -> Dict[str, float]:
    """Measure how time grows with the length, and what a token costs in short windows."""
    runs = {length: _inputs(1, length) for length in LENGTHS}
    times = dict.fromkeys(LENGTHS, float('inf'))
    for _ in range(3):  # in turns, so that a disturbance meets every length
        times = {length: min(times[length], _seconds('cpu', inputs, False, 8))
                 for length, inputs in runs.items()}
    windows = _seconds('cpu', _inputs(WINDOWS, WINDOW_LENGTH), False, 8) / (WINDOWS * WINDOW_LENGTH)
    token = max(times[length] / length for length in (15360, 61440))
    return {'exponent of the growth, 960 to 61,440 tokens':
            exponent([(length, times[length]) for length in LENGTHS if length != 30720]),
            'exponent of the growth, 3,840 to 30,720 tokens':
            exponent([(length, times[length]) for length in (3840, 30720)]),
            'a token in 320 windows, over one in a long sequence': windows / token}


def measure_orders() -> Dict[str, float]:
    """Compare GLSMamba's six orders of a map with one of them."""
    x = torch.randn(1, 5, 64, 48, DIM)
    layer = [torch.randn(16 + 2 * STATES, DIM) / DIM, torch.randn(DIM, 16), torch.rand(DIM) - 4,
             -torch.arange(1.0, STATES + 1).repeat(DIM, 1), torch.randn(DIM)]

    def seconds(orders: Sequence[str]) -> float:
        return best_time(lambda: ordered_scan(x, orders, *layer, backend='cpu'), CPU, 6)

    return {'six orders, over one': seconds(GLSMAMBA_ORDERS) / seconds(GLSMAMBA_ORDERS[1:2])}


def measure_deform() -> Dict[str, float]:
    """Compare a depth-wise deformable convolution with torchvision's."""
    x = torch.randn(2, 256, 64, 48).contiguous(memory_format=torch.channels_last)
    offset, weight = torch.randn(2, 18, 64, 48), torch.randn(256, 1, 3, 3)

    def seconds(backend: str, repeats: int) -> float:
        return best_time(lambda: deform_conv2d(x, offset, weight, padding=1, backend=backend), CPU, repeats)

    return {'deformable convolution: times as fast as torchvision':
            seconds('torchvision', 1) / seconds('cpu', 5)}


@torch.inference_mode()
def measure_neck() -> Dict[str, float]:
    """Measure how the time of GLSMamba's neck grows with the map."""
    from mmpose_gss.models import GLSMambaNeck
    from mmpose_gss.models.clip_features import ClipFeatures
    from mmpose_gss.structures.clip_window import ClipWindow
    neck, points = GLSMambaNeck(64, 64, num_global=1, num_local=1).eval(), []
    for height, width in ((16, 12), (32, 24), (64, 48), (96, 64)):
        feats = ClipFeatures([torch.randn(1, 5, 64, height, width)], None, ClipWindow.centred(5))
        points.append((5 * height * width, best_time(lambda feats=feats: neck(feats), CPU, 3)))
    return {'exponent of the growth of GLSMamba, 960 to 30,720 tokens': exponent(points)}


@torch.inference_mode()
def measure_encoder() -> Dict[str, float]:
    """Compare GLSMamba-B as a whole with its own encoder."""
    from mmpose_gss.engine.config import load_config
    from mmpose_gss.registry import MODELS
    cfg = load_config('td-hm_GLSMamba-base_1xb16-20e_posetrack17-256x192')
    model, clip = MODELS.build(cfg.model).eval(), torch.randn(1, 5, 3, 256, 192)
    encoder, whole = (best_time(forward, CPU, 2) for forward in (
        lambda: model.encode(clip), lambda: model(clip, None, mode='tensor')))
    return {'GLSMamba-B, over its encoder': whole / encoder}


@torch.inference_mode()
def measure_posemamba() -> Dict[str, float]:
    """Compare PoseMamba, a pair of blocks standing for all ten, with the loop and with a shorter clip."""
    from mmpose_gss.models import PoseMamba
    fast, loop = PoseMamba(depth=1).eval(), PoseMamba(depth=1, scan=dict(backend='naive')).eval()
    x = torch.rand(1, 243, 17, 2)
    quick = best_time(lambda: fast(x), CPU, 7)
    return {'PoseMamba: times as fast as with the loop': best_time(lambda: loop(x), CPU, 2) / quick,
            'PoseMamba: 243 frames, over 81': quick / best_time(lambda: fast(x[:, :81]), CPU, 7)}


PARTS: Dict[str, Callable[[], Dict[str, float]]] = dict(
    scan=measure_against_loop, growth=measure_growth, orders=measure_orders, deform=measure_deform,
    neck=measure_neck, encoder=measure_encoder, posemamba=measure_posemamba)


def judge(figures: Dict[str, float]) -> List[str]:
    """Name the figures that miss their bound."""
    missed = []
    for name, value in figures.items():
        least, most = BOUNDS[name]
        if (least is not None and value < least) or (most is not None and value > most):
            bound = f'at least {least}' if least is not None else f'at most {most}'
            missed.append(f'{name}: {value:.3g}, must be {bound}')
    return missed


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Measure, print and judge."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--only', nargs='+', choices=list(PARTS), default=list(PARTS))
    parser.add_argument('--threads', type=int, default=2)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    missed = []
    for part in args.only:
        figures = PARTS[part]()
        for name, value in figures.items():
            print(f'{value:8.3g}  {name}', flush=True)
        missed += judge(figures)
    print('\n'.join(missed) or 'all within their bounds')
    return 1 if missed else 0


if __name__ == '__main__':
    sys.exit(main())
