"""Attention over all tokens of five frames at 256x192 never stores its matrix: peak of a fresh process."""
import subprocess
import sys

import pytest

FRAMES, HEIGHT, WIDTH, DIMS, HEADS = 5, 64, 48, 32, 1
MATRIX = (FRAMES * HEIGHT * WIDTH)**2 * 4                            # bytes of one head's weights, 0.94 GB

# The peak of a process only rises, so that one run bounds all of its steps; it prints the peak after each.
SCRIPT = """
import resource, sys, torch
from mmpose_gss.models.layers.attention import DividedAttention, JointAttention
from mmpose_gss.models.sdtc.mutual_learning import SpatialMotionCrossAttention
frames, height, width, dims, heads = map(int, sys.argv[1:])
layers = dict(cross=SpatialMotionCrossAttention(dims), divided=DividedAttention(dims, heads, 4),
              joint=JointAttention(dims, heads))
def run(name, height, width):
    if name == 'cross':
        x = torch.randn(1, dims, height, width, requires_grad=True)
        layers[name](x, x).sum().backward()
    else:
        x = torch.randn(1, frames, height * width, dims, requires_grad=True)
        layers[name](x).sum().backward()
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
for name in layers:
    run(name, 4, 4)                                                  # thread pools, libraries
before = peak()
for name in layers:
    run(name, height, width)
    print(name, peak() - before)
"""


@pytest.mark.slow
def test_attention_needs_no_matrix():
    run = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', SCRIPT, *map(str, (FRAMES, HEIGHT, WIDTH, DIMS, HEADS))],
        capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    peaks = {line.split()[0]: int(line.split()[1]) for line in run.stdout.splitlines()[-3:]}
    assert set(peaks) == {'cross', 'divided', 'joint'}
    assert peaks['joint'] < MATRIX / 4, peaks
