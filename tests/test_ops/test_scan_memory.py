"""Memory of the scan beside its inputs. (Its speed is judged by tools/analysis_tools/check_scan_speed.py.)"""
import subprocess
import sys

import pytest

from mmpose_gss.ops.native import library

pytestmark = [pytest.mark.slow,
              pytest.mark.skipif(library.problem() is not None, reason=str(library.problem()))]

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
@pytest.mark.parametrize('direction, bound', [('forward', 1.5), ('backward', 4)])
def test_extra_memory(direction, bound):
    """Peak above the inputs, in units of (u + delta + y); at least the output itself, a third, must show."""
    result = subprocess.run([sys.executable, '-c', MEMORY, direction], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    used = float(result.stdout)
    print(direction, used)
    assert 0.3 <= used <= bound
