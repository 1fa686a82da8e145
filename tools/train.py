"""Train a model: MMPose's tools/train.py with its own options.

    python tools/train.py CONFIG [--work-dir W] [--resume [CHECKPOINT]] [--amp] [--auto-scale-lr] ...
    mim train mmpose_gss CONFIG_BASENAME --work-dir W
"""
import argparse

from mmengine.config import Config

from mmpose_gss.engine import Runner
from mmpose_gss.engine.cli import add_runner_options, apply_runner_options, run_command
from mmpose_gss.engine.config import load_config, set_amp
from mmpose_gss.errors import UserError


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Train a pose model')
    parser.add_argument('config', help='config file, or the base name of a shipped one')
    parser.add_argument(
        '--resume', nargs='?', const='auto',
        help='resume from this checkpoint, or from the last one in the work folder if no path is given')
    parser.add_argument('--amp', action='store_true', help='train in mixed precision')
    parser.add_argument('--no-validate', action='store_true', help='do not evaluate during training')
    parser.add_argument(
        '--auto-scale-lr', action='store_true', help='scale the learning rate with the actual batch size')
    add_runner_options(parser)
    return parser.parse_args()


def merge_args(cfg: Config, args: argparse.Namespace) -> None:
    """Merge the options of training into the config.

    Raises:
        UserError: If an option does not go with the config.
    """
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    if args.amp:
        set_amp(cfg)
    if args.resume is not None:
        cfg.resume = True
        cfg.load_from = None if args.resume == 'auto' else args.resume
    if args.auto_scale_lr:
        if 'auto_scale_lr' not in cfg:
            raise UserError('--auto-scale-lr needs auto_scale_lr=dict(base_batch_size=...) in the config')
        cfg.auto_scale_lr.enable = True
    apply_runner_options(cfg, args)


def main() -> None:
    """Train."""
    args = parse_args()
    cfg = load_config(args.config)
    merge_args(cfg, args)
    runner = Runner.from_cfg(cfg)
    if cfg.get('load_from'):
        resume = bool(cfg.get('resume'))
        runner.read_ahead(cfg.load_from, resume=resume, partial=not resume)
    elif cfg.get('resume'):
        runner.read_ahead_latest()
    runner.train()


if __name__ == '__main__':
    run_command(main)
