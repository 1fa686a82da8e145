"""Speed and memory of the scan, as ratios within one run."""
import math
import subprocess
import sys
import time

import pytest
import torch

from mmpose_gss.ops import GLSMAMBA_ORDERS, ordered_scan, selective_scan
from mmpose_gss.ops.native import library

pytestmark = [pytest.mark.slow,
              pytest.mark.skipif(library.problem() is not None, reason=str(library.problem()))]
DIM, STATES = 256, 16


@pytest.fixture(autouse=True)
def two_threads():
    """Two cores; memory is not filled with NaN while time is taken."""
    before = torch.get_num_threads()
    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def make_inputs(batch, length):
    delta = torch.rand(batch, DIM, length) * 0.1
    A = -torch.arange(1.0, STATES + 1).repeat(DIM, 1)
    return [torch.randn(batch, DIM, length), delta, A, torch.randn(batch, STATES, length),
            torch.randn(batch, STATES, length)]


def best_time(function, repeats):
    best = math.inf
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        best = min(best, time.perf_counter() - start)
    return best


def forward(inputs, backend):
    return lambda: selective_scan(*inputs, backend=backend)


def both(inputs, backend):
    leaves = [x.clone().requires_grad_() for x in inputs]
    return lambda: torch.autograd.grad(selective_scan(*leaves, backend=backend).sum(), leaves)


def test_forward_ratios():
    inputs = make_inputs(1, 15360)
    fast = min(best_time(forward(inputs, 'cpu'), 10), best_time(forward(inputs, 'cpu'), 10))
    chunked = best_time(forward(inputs, 'chunked'), 3)
    naive = best_time(forward(inputs, 'naive'), 1)
    fast = min(fast, best_time(forward(inputs, 'cpu'), 10))
    print(f'naive {naive:.3f} s, chunked {chunked:.3f} s, cpu {fast:.4f} s')
    assert naive >= 80 * fast, (naive, fast)
    assert naive >= 4 * chunked, (naive, chunked)


def test_backward_ratio():
    """The loop's own backward pass is taken at a quarter of the length, where it costs a quarter at least."""
    inputs, quarter = make_inputs(1, 15360), make_inputs(1, 3840)
    naive = 4 * best_time(both(quarter, 'naive'), 1)
    fast = best_time(both(inputs, 'cpu'), 8)
    print(f'naive {naive:.3f} s, cpu {fast:.4f} s')
    assert naive >= 40 * fast, (naive, fast)


def test_growth_and_windows(tool):
    """The benchmark's exponent over all of its lengths, and up to where outputs become fresh memory."""
    lengths = (960, 3840, 15360, 30720, 61440)
    runs = {length: forward(make_inputs(1, length), 'cpu') for length in lengths}
    times = dict.fromkeys(lengths, math.inf)
    for _ in range(3):  # in turns, so that a disturbance meets every length
        times = {length: min(times[length], best_time(run, 8)) for length, run in runs.items()}
    slope = tool.exponent([(length, times[length]) for length in lengths if length != 30720])
    inner = tool.exponent([(length, times[length]) for length in (3840, 30720)])
    windows = best_time(forward(make_inputs(320, 240), 'cpu'), 8) / (320 * 240)
    print(times, slope, inner, windows)
    assert slope <= 1.05, times
    assert inner <= 1.05, times
    assert windows <= 1.25 * max(times[15360] / 15360, times[61440] / 61440), (windows, times)


def test_six_orders_cost_at_most_seven_scans():
    x = torch.randn(1, 5, 64, 48, DIM)
    layer = [torch.randn(16 + 2 * STATES, DIM) / DIM, torch.randn(DIM, 16), torch.rand(DIM) - 4,
             -torch.arange(1.0, STATES + 1).repeat(DIM, 1), torch.randn(DIM)]

    def scan(orders):
        return best_time(lambda: ordered_scan(x, orders, *layer, backend='cpu'), 6)

    six, one = scan(GLSMAMBA_ORDERS), scan(GLSMAMBA_ORDERS[1:2])
    print(six, one)
    assert six <= 7 * one, (six, one)


MEMORY = '''
import resource, sys, torch
from mmpose_gss.ops import selective_scan
torch.set_num_threads(2)
backward = sys.argv[1] == 'backward'
def make(length):
    channels, states = (torch.rand(1, n, length) * 0.1 for n in (256, 16))
    return [channels, channels.clone(), -torch.ones(256, 16), states, states.clone()]
def run(inputs):
    if backward:
        return torch.autograd.grad(selective_scan(*inputs, backend='cpu').sum(), inputs)
    with torch.no_grad():
        return selective_scan(*inputs, backend='cpu')
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
small = [x.requires_grad_(backward) for x in make(64)]
run(small)
inputs = [x.requires_grad_(backward) for x in make(15360)]
now = int(open('/proc/self/statm').read().split()[1]) * resource.getpagesize()
fill = torch.ones(max(1, (peak() - now) // 4 + 1))  # up to the highest mark, so that it moves
before = peak()
run(inputs)
print((peak() - before) / (3 * 256 * 15360 * 4))
'''


@pytest.mark.skipif(not sys.platform.startswith('linux'), reason='reads /proc')
@pytest.mark.parametrize('way, bound', [('forward', 1.5), ('backward', 4)])
def test_extra_memory(way, bound):
    """Peak above the inputs, in units of (u + delta + y); at least the output itself, a third, must show."""
    result = subprocess.run([sys.executable, '-c', MEMORY, way], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    used = float(result.stdout)
    print(way, used)
    assert 0.3 <= used <= bound
