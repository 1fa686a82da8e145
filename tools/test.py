"""Test a model: MMPose's tools/test.py with its own options.

    python tools/test.py CONFIG CHECKPOINT [--work-dir W] [--out METRICS.json] [--dump PREDICTIONS.pkl] ...
    mim test mmpose_gss CONFIG_BASENAME --checkpoint CHECKPOINT
"""
import argparse
from typing import Dict, Optional

import mmengine
from mmengine.config import Config
from mmengine.hooks import Hook

from mmpose_gss.engine import Runner
from mmpose_gss.engine.cli import add_runner_options, apply_runner_options, run_command
from mmpose_gss.engine.config import load_config
from mmpose_gss.errors import UserError


class SaveMetricsHook(Hook):
    """Write the metrics of a test to a file.

    Args:
        path (str): The file; its ending chooses the format.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def after_test_epoch(self, runner: Runner, metrics: Optional[Dict[str, float]] = None) -> None:
        """Write, once the evaluator has answered."""
        if metrics is not None:
            mmengine.dump(metrics, self.path)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Test a pose model')
    parser.add_argument('config', help='config file, or the base name of a shipped one')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--out', help='file for the metrics (.json, .yml or .pkl)')
    parser.add_argument('--dump', help='pickle file for the predictions')
    parser.add_argument('--badcase', action='store_true', help='collect the worst samples')
    add_runner_options(parser)
    return parser.parse_args()


def merge_args(cfg: Config, args: argparse.Namespace) -> None:
    """Merge the options of testing into the config.

    Raises:
        UserError: If an option does not go with the config.
    """
    cfg.load_from = args.checkpoint
    if args.badcase:
        # The hook calls this function with the model's output of every sample.
        cfg.default_hooks.badcase = dict(
            type='BadCaseAnalysisHook', enable=True, show=args.show, interval=args.interval,
            out_dir='badcase', metric_type='loss', badcase_thr=5, metric=cfg.model.head.loss)
    apply_runner_options(cfg, args)
    if args.dump is not None:
        if not args.dump.endswith(('.pkl', '.pickle')):
            raise UserError(f'--dump {args.dump} must end in .pkl')
        evaluators = cfg.test_evaluator
        evaluators = evaluators if isinstance(evaluators, (list, tuple)) else [evaluators]
        cfg.test_evaluator = [*evaluators, dict(type='DumpResults', out_file_path=args.dump)]


def main() -> None:
    """Test."""
    args = parse_args()
    cfg = load_config(args.config)
    merge_args(cfg, args)
    runner = Runner.from_cfg(cfg)
    runner.read_ahead(args.checkpoint)
    if args.out:
        runner.register_hook(SaveMetricsHook(args.out), 'LOWEST')
    runner.test()


if __name__ == '__main__':
    run_command(main)
