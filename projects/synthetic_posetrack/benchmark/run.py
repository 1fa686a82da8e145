"""Does a window of frames pay? Trains and scores necks on one frozen encoder, on generated clips.

    python projects/synthetic_posetrack/benchmark/run.py WORK_DIR rows            # what there is
    python projects/synthetic_posetrack/benchmark/run.py WORK_DIR row concat-5    # one row
    python projects/synthetic_posetrack/benchmark/run.py WORK_DIR all             # all of them, resumable
    python projects/synthetic_posetrack/benchmark/run.py WORK_DIR report          # tables and pictures
    python projects/synthetic_posetrack/benchmark/run.py WORK_DIR export concat-5 # config and checkpoint
"""
from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Callable, List, Optional, Tuple

os.environ.setdefault('OMP_NUM_THREADS', '1')
ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(Path(__file__).resolve().parent), str(ROOT)]

import torch  # noqa: E402
from mmengine.logging import MMLogger  # noqa: E402
from mmengine.registry import init_default_scope  # noqa: E402
from window_benchmark import coarse_neck, linear_neck  # noqa: E402, F401 (registers the necks)
from window_benchmark.data import Data  # noqa: E402
from window_benchmark.rows import CORE, table  # noqa: E402
from window_benchmark.runs import Runs  # noqa: E402
from window_benchmark.scores import GROUPS  # noqa: E402
from window_benchmark.settings import DEMO, FULL, SET_SEEDS, TOY  # noqa: E402

from mmpose_gss.engine.cli import run_command  # noqa: E402
from mmpose_gss.errors import UserError  # noqa: E402


def share_of(text: str) -> Tuple[int, int]:
    """Read ``I/N``: this process takes every N-th run, beginning with the I-th."""
    first, _, total = text.partition('/')
    if not (first.isdigit() and total.isdigit() and int(first) < int(total)):
        raise argparse.ArgumentTypeError(f'{text!r} is not I/N with I from 0 to N - 1, e.g. 0/2')
    return int(first), int(total)


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('work_dir', type=Path, help='folder for clips, features, runs and the report')
    parser.add_argument('action', choices=('rows', 'draw', 'prepare', 'row', 'all', 'report', 'export'))
    parser.add_argument('names', nargs='*', help='of rows, for the actions "row" and "export"')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2, 3, 4])
    size = parser.add_mutually_exclusive_group()
    size.add_argument('--toy', action='store_true', help='a few clips and iterations: checks that it runs')
    size.add_argument('--demo', action='store_true', help="the demo's size: fewer clips and iterations")
    parser.add_argument('--again', action='store_true', help='train rows that have been trained before')
    parser.add_argument('--core', action='store_true', help='with "all": only what answers the question')
    parser.add_argument('--share', type=share_of, default=(0, 1), metavar='I/N',
                        help='take every N-th run, for N processes beside each other')
    args = parser.parse_args(argv)
    if (args.action in ('row', 'export')) != bool(args.names):
        parser.error('"row" and "export" take names of rows, the others take none; "rows" lists them')
    return args


def check_names(names: List[str]) -> None:
    """Refuse rows that do not exist.

    Raises:
        UserError: With the names that there are.
    """
    for name in names:
        if name not in table():
            raise UserError(f'there is no row "{name}"; choose one of {", ".join(table())}')


def jobs_of(args: argparse.Namespace, runs: Runs) -> List[Tuple[str, int]]:
    """Rows and seeds to run, those first that answer the question."""
    rest = [] if args.core else [name for name in runs.rows if name not in CORE]
    groups = [args.names] if args.names else [list(CORE), rest]
    # A row without training is the same under every seed.
    jobs = [(name, seed) for group in groups for seed in args.seeds for name in group
            if runs.rows[name].train or seed == args.seeds[0]]
    first, total = args.share
    return jobs[first::total]


def train_rows(args: argparse.Namespace, runs: Runs, log: Callable[[str], None]) -> None:
    """Train and score rows, with a line about each run."""
    for name, seed in jobs_of(args, runs):
        result = runs.make(name, seed, args.again)
        figures = ', '.join(f'{group} {result["ap"][group]:.1f}' for group in GROUPS)
        still = ''
        if 'change' in result:
            still = f'; support frames replaced: change {100 * result["change"]:.1f} %, ' \
                    f'AP {result["ap_still"]["all"]:.1f}'
        log(f'{name}, seed {seed}: AP {figures}{still}; {result["minutes"]:.1f} min')


def main(argv: Optional[List[str]] = None) -> None:
    """Command line."""
    args = parse_args(argv)
    init_default_scope('mmpose')
    MMLogger.get_current_instance().setLevel('WARNING')
    torch.set_num_threads(1)
    start = time.time()

    def log(text: str) -> None:
        print(f'[{time.time() - start:6.0f} s] {text}', flush=True)

    if args.action == 'rows':
        print('\n'.join(f'{name:24s} {row.title}' for name, row in table().items()))
        return
    check_names(args.names)
    data = Data(args.work_dir.resolve(), TOY if args.toy else DEMO if args.demo else FULL, log)
    if args.action == 'draw':
        first, total = args.share
        for name in list(SET_SEEDS)[first::total]:
            log(f'set {name}: {data.clips(name)}')
        return
    data.prepare()
    runs = Runs(data, table())
    if args.action in ('row', 'all'):
        train_rows(args, runs, log)
    elif args.action == 'report':
        from window_benchmark.figures import write_report
        log(f'the report is in {write_report(runs, args.seeds)}')
    elif args.action == 'export':
        from window_benchmark.export import export
        for name in args.names:
            log(' and '.join(map(str, export(runs, name, args.seeds[0], data.folder / 'export'))))


if __name__ == '__main__':
    run_command(main)
