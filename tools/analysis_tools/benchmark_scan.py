"""Measure the selective scan: time forward and forward + backward, peak memory, growth with the length.

Every backend that runs here is compared with `naive`, in one run; mamba_ssm and its reference are added when
that package is installed. Examples:

    python tools/analysis_tools/benchmark_scan.py --out work_dirs/scan
    python tools/analysis_tools/benchmark_scan.py --device cuda --out work_dirs/scan_cuda

The loop over tokens takes most of the time, minutes for its backward pass; --slow-limit and --no-memory cut
it.
"""
from __future__ import annotations

import argparse
import itertools
import json
import math
import platform
import resource
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

import torch
from torch import Tensor

from mmpose_gss.ops import GLSMAMBA_ORDERS, get_scan_order, ordered_scan, selective_scan
from mmpose_gss.ops.native import library
from mmpose_gss.ops.scan.api import BACKENDS, missing_for

Row = Dict[str, Any]
Shape = Tuple[int, int, int, int]  # B, D, L, N

SLOW = ('naive', 'mamba_ref')  # loops over tokens: measured once per length


def make_inputs(batch: int, dim: int, length: int, states: int, device: torch.device) -> Tuple[Tensor, ...]:
    """Make u, delta (B, D, L), A (D, N), B and C (B, N, L), dense in this layout."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator).to(device)

    delta = normal(batch, dim, length).mul(0.5).sub(3).exp()
    A = -torch.arange(1.0, states + 1, device=device).repeat(dim, 1)
    return normal(batch, dim, length), delta, A, normal(batch, states, length), normal(batch, states, length)


def scan_function(name: str) -> Callable[..., Tensor]:
    """Look up the function behind a name of the table."""
    if name == 'mamba_ref':
        from mamba_ssm.ops.selective_scan_interface import selective_scan_ref
        return selective_scan_ref
    return lambda *inputs: selective_scan(*inputs, backend=name)


def synchronise(device: torch.device) -> None:
    """Wait for the device."""
    if device.type == 'cuda':
        torch.cuda.synchronize()


def best_time(function: Callable[[], Any], device: torch.device, repeats: int) -> float:
    """Time the fastest of some calls: short ones go on for a second, a slow one is not repeated; seconds."""
    best, spent = math.inf, 0.0
    for i in itertools.count():
        if i >= repeats and spent > 1:
            break
        synchronise(device)
        start = time.perf_counter()
        function()
        synchronise(device)
        taken = time.perf_counter() - start
        best, spent = min(best, taken), spent + taken
        if spent > 20 and i > 0:
            break
    return best


def resident() -> int:
    """Return the highest resident memory of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def peak_memory(name: str, shape: Shape, backward: bool, device: torch.device) -> int:
    """Measure the bytes taken above the inputs; on CPU by the highest mark of a fresh process."""
    if device.type == 'cuda':
        inputs = [x.requires_grad_(backward) for x in make_inputs(*shape, device)]
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        run(scan_function(name), inputs, backward)
        return torch.cuda.max_memory_allocated() - before
    command = [sys.executable, __file__, '--measure-memory', name, str(int(backward)), *map(str, shape)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def measure_memory(name: str, backward: str, *shape: str) -> int:
    """Measure in the child process of `peak_memory`."""
    device, backward = torch.device('cpu'), bool(int(backward))
    shape = [int(n) for n in shape]
    small = [x.requires_grad_(backward) for x in make_inputs(1, shape[1], 64, shape[3], device)]
    run(scan_function(name), small, backward)  # loads and warms up everything
    inputs = [x.requires_grad_(backward) for x in make_inputs(*shape, device)]
    held = torch.ones(max(1, int(resident() - current_resident()) // 4 + 1))  # fill up to the highest mark
    before = resident()
    run(scan_function(name), inputs, backward)
    after = resident()
    del held
    return after - before


def current_resident() -> int:
    """Return the resident memory of this process now, in bytes."""
    return int(Path('/proc/self/statm').read_text().split()[1]) * resource.getpagesize()


def run(function: Callable[..., Tensor], inputs: Sequence[Tensor],
        backward: bool) -> Union[Tensor, Tuple[Tensor, ...]]:
    """Make one call, with gradients by all inputs if ``backward``."""
    if not backward:
        with torch.no_grad():
            return function(*inputs)
    return torch.autograd.grad(function(*inputs).sum(), inputs)


def measure(name: str, shape: Shape, device: torch.device, repeats: int, memory: bool) -> Row:
    """Measure one row of the table."""
    inputs = make_inputs(*shape, device)
    leaves = [x.detach().requires_grad_() for x in inputs]
    function, times = scan_function(name), 1 if name in SLOW else repeats
    row = dict(backend=name, batch=shape[0], length=shape[2],
               forward=best_time(lambda: run(function, inputs, False), device, times),
               both=best_time(lambda: run(function, leaves, True), device, times))
    if memory:
        unit = 3 * shape[0] * shape[1] * shape[2] * 4  # u, delta and y
        row['memory_forward'] = peak_memory(name, shape, False, device) / unit
        row['memory_both'] = peak_memory(name, shape, True, device) / unit
    return row


def measure_orders(backends: Sequence[str], dim: int, states: int, device: torch.device,
                   repeats: int) -> List[Row]:
    """Time six orders of GLSMamba at once against one order, against flatten + six scans + merge."""
    rank = max(1, dim // 16)
    x = torch.randn(1, 5, 64, 48, dim, device=device)
    layer = [torch.randn(rank + 2 * states, dim, device=device) / dim, torch.randn(dim, rank, device=device),
             torch.rand(dim, device=device) - 4, -torch.arange(1.0, states + 1, device=device).repeat(dim, 1)]
    return [measure_orders_of(name, x, layer, device, repeats) for name in backends if name != 'naive']


def measure_orders_of(name: str, x: Tensor, layer: Sequence[Tensor], device: torch.device,
                      repeats: int) -> Row:
    """Measure one row of `measure_orders`: backend ``name`` on x ``(1,T,h,w,D)``."""
    six = best_time(lambda: ordered_scan(x, GLSMAMBA_ORDERS, *layer, backend=name), device, repeats)
    one = best_time(lambda: ordered_scan(x, GLSMAMBA_ORDERS[1:2], *layer, backend=name), device, repeats)
    leaves = [t.detach().requires_grad_() for t in (x, *layer)]
    both = best_time(lambda: run(lambda x, *p: ordered_scan(x, GLSMAMBA_ORDERS, *p, backend=name),
                                 leaves, True), device, repeats)
    flat = best_time(lambda: run(lambda *a: flattened(*a, name=name), leaves, True), device, repeats)
    return dict(backend=name, six=six, one=one, ratio=six / one, six_both=both, flattened_both=flat)


def flattened(x: Tensor, x_proj: Tensor, dt_proj: Tensor, dt_bias: Tensor, A: Tensor, *,
              name: str) -> Tensor:
    """Do what a model does without `ordered_scan`: copies in scan order, six scans, outputs added."""
    tokens, outputs = x.flatten(1, 3), []
    for order in GLSMAMBA_ORDERS:
        found = get_scan_order(order, *x.shape[1:4])
        u = tokens[:, found.index.to(x.device)]
        dt, B, C = (u @ x_proj.T).split([dt_proj.shape[1], A.shape[1], A.shape[1]], -1)
        y = selective_scan(u.transpose(1, 2), (dt @ dt_proj.T).transpose(1, 2), A, B.transpose(1, 2),
                           C.transpose(1, 2), None, None, dt_bias, True, backend=name)
        outputs.append(y.transpose(1, 2)[:, found.inverse.to(x.device)])
    return torch.stack([a + b for a, b in zip(outputs[:3], outputs[3:])])


def exponent(points: Sequence[Tuple[float, float]]) -> Optional[float]:
    """Fit the slope of the straight line through (log length, log time); None for fewer than two points."""
    if len(points) < 2:
        return None
    xs, ys = [math.log(n) for n, _ in points], [math.log(t) for _, t in points]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    return (sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys)) / sum((x - mean_x)**2 for x in xs))


def table(rows: Sequence[Row], columns: Sequence[str]) -> str:
    """Write a Markdown table."""
    def text(value: Any) -> str:
        return '–' if value is None else f'{value:.4g}' if isinstance(value, float) else str(value)

    lines = ['| ' + ' | '.join(columns) + ' |', '|' + '---|' * len(columns)]
    return '\n'.join(lines + ['| ' + ' | '.join(text(row.get(c)) for c in columns) + ' |' for row in rows])


def plot(rows: Sequence[Row], path: Path) -> None:
    """Plot time against length, both axes logarithmic."""
    import matplotlib
    matplotlib.use('Agg')
    from matplotlib import pyplot
    figure, axes = pyplot.subplots(1, 2, figsize=(10, 4))
    for axis, key, title in zip(axes, ('forward', 'both'), ('forward', 'forward + backward')):
        for name in dict.fromkeys(row['backend'] for row in rows):
            mine = [(row['length'], row[key]) for row in rows if row['backend'] == name and row['batch'] == 1]
            axis.loglog(*zip(*mine), marker='o', label=name)
        axis.set(xlabel='tokens', ylabel='seconds', title=title)
        axis.grid(True, which='both', alpha=0.3)
        axis.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def hardware(device: torch.device) -> str:
    """Say what the figures were measured on."""
    if device.type == 'cuda':
        return torch.cuda.get_device_name()
    names = [line.split(':')[1].strip() for line in Path('/proc/cpuinfo').read_text().splitlines()
             if line.startswith('model name')] if Path('/proc/cpuinfo').exists() else []
    simd = library.simd_variant() if library.problem() is None else 'no extension'
    return f'{names[0] if names else platform.processor()}, {torch.get_num_threads()} threads, {simd}'


def parse_args(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--device', default='cpu', help='cpu or cuda')
    parser.add_argument('--backends', nargs='+', help='default: all that run here')
    parser.add_argument('--lengths', nargs='+', type=int, default=[960, 3840, 15360, 61440])
    parser.add_argument('--windows', nargs=2, type=int, default=[320, 240], metavar=('COUNT', 'LENGTH'))
    parser.add_argument('--dim', type=int, default=256)
    parser.add_argument('--states', type=int, default=16)
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--slow-limit', type=int, default=15360, help='longest sequence for token loops')
    parser.add_argument('--no-memory', action='store_true')
    parser.add_argument('--no-orders', action='store_true')
    parser.add_argument('--out', type=Path, help='folder for scan.md, scan.json and scan.png')
    return parser.parse_args(argv)


def benchmark(args: argparse.Namespace) -> Dict[str, Any]:
    """Measure everything the arguments ask for.

    Returns:
        dict: ``hardware``, ``torch`` and the tables ``rows``, ``growth`` and ``orders``.
    """
    device = torch.device(args.device)
    backends = args.backends or [name for name in BACKENDS
                                 if missing_for(name, device, torch.float32) is None]
    for name in backends:
        reason = None if name == 'mamba_ref' else missing_for(name, device, torch.float32)
        if reason:
            raise SystemExit(f'--backends {name}: {reason}')
    if not args.backends and find_spec('mamba_ssm') is not None and device.type == 'cuda':
        backends.append('mamba_ref')
    rows = []
    shapes = [(1, args.dim, length, args.states) for length in args.lengths]
    shapes.append((args.windows[0], args.dim, args.windows[1], args.states))
    for shape in shapes:
        for name in backends:
            if not (name in SLOW and shape[2] > args.slow_limit):
                rows.append(measure(name, shape, device, args.repeats, not args.no_memory))
                row = rows[-1]
                print(f'{name}, {row["batch"]} x {row["length"]} tokens: {row["forward"]:.4g} s forward, '
                      f'{row["both"]:.4g} s with backward', file=sys.stderr, flush=True)
    for row in rows:
        base = next((r for r in rows if r['backend'] == 'naive' and r['batch'] == row['batch'] and
                     r['length'] == row['length']), None)
        row['times_naive_forward'] = base and base['forward'] / row['forward']
        row['times_naive_both'] = base and base['both'] / row['both']
    growth = [dict(backend=name, **{key: exponent([(r['length'], r[key]) for r in rows
                                                   if r['backend'] == name and r['batch'] == 1])
                                    for key in ('forward', 'both')}) for name in backends]
    orders = [] if args.no_orders else measure_orders(backends, args.dim, args.states, device, args.repeats)
    return dict(hardware=hardware(device), torch=torch.__version__, rows=rows, growth=growth, orders=orders)


def report(results: Dict[str, Any]) -> str:
    """Write the results as Markdown."""
    parts = [f'{results["hardware"]}, torch {results["torch"]}. Seconds, best of several calls; memory in '
             'units of (u + delta + y).',
             table(results['rows'], ['backend', 'batch', 'length', 'forward', 'times_naive_forward', 'both',
                                     'times_naive_both', 'memory_forward', 'memory_both']),
             'Time grows with the length to the power of:',
             table(results['growth'], ['backend', 'forward', 'both'])]
    if results['orders']:
        parts += ['Six scan orders of a (1, 5, 64, 48, D) map:',
                  table(results['orders'], ['backend', 'one', 'six', 'ratio', 'six_both', 'flattened_both'])]
    return '\n\n'.join(parts) + '\n'


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Run the command line."""
    args = parse_args(argv)
    results = benchmark(args)
    text = report(results)
    print(text)
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
        (args.out / 'scan.md').write_text(text, encoding='utf-8')
        (args.out / 'scan.json').write_text(json.dumps(results, indent=1), encoding='utf-8')
        plot(results['rows'], args.out / 'scan.png')


if __name__ == '__main__':
    if sys.argv[1:2] == ['--measure-memory']:
        print(measure_memory(*sys.argv[2:]))
    else:
        main()
