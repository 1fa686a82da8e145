"""Necks of the benchmark learn from support frames what the key frame does not show.

On the benchmark's own checkpoints the report checks the same ("Is the window seen?"). Training those takes
minutes, so here a blob is hidden in the key frame and visible in the others: a neck that reads the key
frame alone can only guess.
"""
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope

BENCHMARK = Path(__file__).resolve().parents[2] / 'projects' / 'synthetic_posetrack' / 'benchmark'
sys.path.insert(0, str(BENCHMARK))

from window_benchmark import coarse_neck, linear_neck  # noqa: E402, F401 (registers the necks)
from window_benchmark.rows import table  # noqa: E402
from window_benchmark.settings import CHANNELS, NUM_JOINTS, OFFSETS  # noqa: E402
from window_benchmark.systems import build_system  # noqa: E402
from window_benchmark.training import change, optimiser, still  # noqa: E402

ROWS = ('linear-5', 'concat-5', 'glsmamba-5', 'sdtc-5')
ITERATIONS, BATCH, SIZE = 60, 4, (24, 16)


def hidden_blobs(rng):
    """Features in which joints show everywhere but in the key frame, and the joints' heatmaps."""
    y, x = np.mgrid[:SIZE[0], :SIZE[1]]
    centre = rng.uniform((4, 4), (SIZE[0] - 4, SIZE[1] - 4), (BATCH, NUM_JOINTS, 2))[..., None, None]
    heatmaps = np.exp(-((y - centre[:, :, 0])**2 + (x - centre[:, :, 1])**2) / 8.)
    feats = 0.1 * rng.random((BATCH, len(OFFSETS), CHANNELS, *SIZE))
    feats[:, :, :NUM_JOINTS] += heatmaps[:, None]
    feats[:, len(OFFSETS) // 2, :NUM_JOINTS] -= heatmaps
    return (torch.from_numpy(array.astype(np.float32)) for array in (feats, heatmaps))


@pytest.mark.slow
@pytest.mark.parametrize('name', ROWS)
def test_support_frames_decide_where_the_key_frame_is_blind(name):
    init_default_scope('mmpose')
    row = replace(table()[name], warm_head=False, lr=4e-3, head_lr=1.)
    system, rng = build_system(row, Path('unused'), seed=0).train(), np.random.default_rng(0)
    wrapper, weights = optimiser(system, row), torch.ones(BATCH, NUM_JOINTS)
    for _ in range(ITERATIONS):
        feats, heatmaps = hidden_blobs(rng)
        wrapper.update_params(sum(system.losses(feats, heatmaps, weights).values()))
    system.eval()
    feats, heatmaps = hidden_blobs(rng)
    with torch.no_grad():
        seen, blind = (system(clip).numpy() for clip in (feats, still(feats)))
    error = [float(((maps - heatmaps.numpy())**2).mean()) for maps in (seen, blind)]
    assert change(seen, blind) >= 0.03
    assert error[0] < 0.95 * error[1]
