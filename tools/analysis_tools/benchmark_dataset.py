"""Time a data set: how many windows per second it gives, and where the time goes."""
from __future__ import annotations

import argparse
import resource
import time
from collections import defaultdict
from typing import Dict

from mmengine.config import Config, DictAction
from mmengine.dataset import BaseDataset
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

import mmpose_gss.datasets  # noqa: F401  (imported here, so that loading is timed without it)
from mmpose_gss.engine.cli import run_command
from mmpose_gss.registry import DATASETS


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file of an algorithm or a base of configs/_base_/datasets')
    parser.add_argument('--phase', default='train', choices=['train', 'val', 'test'])
    parser.add_argument('--num-windows', type=int, default=200, help='windows to time')
    parser.add_argument(
        '--num-workers', type=int, default=0, help='also time a data loader with this many workers')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='as in tools/train.py')
    return parser.parse_args()


def time_pipeline(dataset: BaseDataset, num_windows: int) -> Dict[str, float]:
    """Time each transform, in this process, in the order of the data set.

    Args:
        dataset (BaseDataset): The data set.
        num_windows (int): Windows to time.

    Returns:
        dict: Seconds per part, in the order of the pipeline; ``'sample'`` is the making of the sample.
    """
    seconds: Dict[str, float] = defaultdict(float)
    for index in range(num_windows):
        start = time.perf_counter()
        item = dataset.get_data_info(index % len(dataset))
        seconds['sample'] += time.perf_counter() - start
        for transform in dataset.pipeline.transforms:
            start = time.perf_counter()
            item = transform(item)
            seconds[type(transform).__name__] += time.perf_counter() - start
    return dict(seconds)


def time_loader(loader_cfg: Dict, num_workers: int, num_windows: int) -> float:
    """Windows per second of a data loader, without the start of its workers.

    Args:
        loader_cfg (dict): The config's data loader.
        num_workers (int): Number of workers.
        num_windows (int): Windows to time, at least two batches.

    Returns:
        float: Windows per second.
    """
    loader_cfg = dict(loader_cfg, num_workers=num_workers, persistent_workers=num_workers > 0)
    batches = iter(Runner.build_dataloader(loader_cfg, seed=0))
    next(batches)
    start, windows = time.perf_counter(), 0
    for batch in batches:
        windows += len(batch['inputs'])
        if windows >= num_windows:
            break
    return windows / (time.perf_counter() - start) if windows else float('nan')


def report(args: argparse.Namespace) -> str:
    """Run the benchmark.

    Args:
        args (Namespace): Of :func:`parse_args`.

    Returns:
        str: The report.

    Raises:
        FileNotFoundError: If a file of the data set is missing.
        UserError: If one is broken.
    """
    config = Config.fromfile(args.config)
    if args.cfg_options:
        config.merge_from_dict(args.cfg_options)
    init_default_scope(config.get('default_scope', 'mmpose'))
    loader_cfg = config[f'{args.phase}_dataloader']
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    dataset = DATASETS.build(loader_cfg.dataset)
    lines = [f'{len(dataset):,} windows loaded in {time.perf_counter() - start:.2f} s, peak memory '
             f'+{(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024:.0f} MiB']
    seconds = time_pipeline(dataset, args.num_windows)
    total = sum(seconds.values())
    lines.append(f'{args.num_windows / total:.1f} windows/s in one process:')
    lines += [f'  {name:<22} {1000 * value / args.num_windows:8.2f} ms  {100 * value / total:5.1f} %'
              for name, value in seconds.items()]
    loads = [transform for transform in dataset.pipeline.transforms if hasattr(transform, 'num_decoded')]
    if loads:
        decoded = loads[0].num_decoded
        lines.append(f'{decoded} frames decoded, {decoded / args.num_windows:.2f} per window')
    if args.num_workers:
        speed = time_loader(loader_cfg, args.num_workers, args.num_windows)
        lines.append(f'{speed:.1f} windows/s from a loader with {args.num_workers} workers')
    return '\n'.join(lines)


def main() -> None:
    """Run the command line."""
    print(report(parse_args()))


if __name__ == '__main__':
    run_command(main)
