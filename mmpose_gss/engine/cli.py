"""Options and manners that the command line tools share."""
from __future__ import annotations

import argparse
import os
import sys
from typing import Callable

from mmengine.config import Config, DictAction

from mmpose_gss.errors import UserError

#: A file that is not there or not allowed; counts as a user's fault only where the error names the file.
FILE_ERRORS = (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError)


def add_runner_options(parser: argparse.ArgumentParser) -> None:
    """Add what MMPose's train.py and test.py have in common."""
    parser.add_argument('--work-dir', help='folder for logs, checkpoints and results')
    parser.add_argument('--show-dir', help='folder for pictures of the predictions')
    parser.add_argument('--show', action='store_true', help='show the predictions in a window')
    parser.add_argument('--interval', type=int, default=1, help='draw every n-th sample')
    parser.add_argument('--wait-time', type=float, default=1, help='seconds that a window stays')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, default={},
        help='override settings of the config: key=value, key="[a,b]", key="[(a,b),(c,d)]", without spaces')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)


def apply_runner_options(cfg: Config, args: argparse.Namespace) -> None:
    """Merge the common options; the work folder defaults to ``work_dirs/<config name>``.

    Args:
        cfg (Config): Changed in place.
        args (Namespace): Of a parser with :func:`add_runner_options`.

    Raises:
        UserError: If pictures are wanted and the config has no hook that draws them.
    """
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = os.path.join('work_dirs', os.path.splitext(os.path.basename(cfg.filename))[0])
    if args.show or args.show_dir is not None:
        if 'visualization' not in cfg.default_hooks:
            raise UserError('--show and --show-dir need default_hooks.visualization in the config; add '
                            'visualization=dict(type="PoseVisualizationHook")')
        cfg.default_hooks.visualization.update(
            enable=True, show=args.show, wait_time=args.wait_time, out_dir=args.show_dir,
            interval=args.interval)
    cfg.merge_from_dict(args.cfg_options)


def is_users_fault(error: BaseException) -> bool:
    """Tell faults of the input, which end a command with one sentence, from faults of the program."""
    if isinstance(error, UserError):
        return True
    # Python's own file errors carry the file; ours carry a sentence that names it and no error number.
    return isinstance(error, FILE_ERRORS) and (error.filename is not None or error.errno is None)


def run_command(main: Callable[[], None]) -> None:
    """Run a tool's ``main``; a fault of the input ends it with one line instead of a traceback.

    Every other exception keeps its traceback; ``MMPOSE_GSS_TRACEBACK=1`` keeps it for all.
    """
    try:
        main()
    except (UserError, *FILE_ERRORS) as error:
        if os.environ.get('MMPOSE_GSS_TRACEBACK') == '1' or not is_users_fault(error):
            raise
        sys.exit(f'error: {" ".join(str(error).split())}')
