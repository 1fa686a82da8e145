"""PoseTrack AP and MOTA of prediction files: a drop-in for the public evaluator, without its packages.

    python tools/eval_posetrack.py --gt DIR --pred DIR [--out FILE.json] [--per-video] [--plot DIR]

Both folders hold one JSON file per video, in PoseTrack17 or PoseTrack18/21 format, paired by file name.
Needs NumPy, SciPy where tracking is ambiguous, and Matplotlib for plots; neither PyTorch nor MMPose.
"""
from __future__ import annotations

import argparse
import json
import math
import sys
from typing import Any, Optional, Sequence

import numpy as np

from mmpose_gss.errors import UserError
from mmpose_gss.evaluation.posetrack import (
    format_table,
    load_frames,
    per_video_figures,
    posetrack_figures,
)


def parse_args(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--gt', required=True, metavar='DIR', help='ground truth, one JSON file per video')
    parser.add_argument('--pred', required=True, metavar='DIR', help='predictions, files of the same names')
    parser.add_argument('--out', metavar='FILE.json', help='write the figures, percent, unrounded')
    parser.add_argument('--per-video', action='store_true', help='also the figures of each video for itself')
    parser.add_argument('--plot', metavar='DIR', help='write precision-recall and per-video plots')
    parser.add_argument('--corrected', action='store_true',
                        help="without the public evaluator's quirks, not comparable to its figures")
    parser.add_argument('--fill-missing', action='store_true',
                        help='frames that a prediction file lacks count as frames without people')
    return parser.parse_args(argv)


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Evaluate; return the exit code, 1 for files that cannot be evaluated."""
    args = parse_args(argv)
    try:
        frames = load_frames(args.gt, args.pred, args.fill_missing)
        figures = posetrack_figures(frames, poseval_compat=not args.corrected)
        if args.per_video or args.plot:
            per_video = per_video_figures(frames, poseval_compat=not args.corrected)
    except (UserError, OSError) as error:
        print(f'eval_posetrack: {error}', file=sys.stderr)
        return 1

    for note in figures['notes']:
        print(f'warning: {note}', file=sys.stderr)
    print(f'{figures["frames"]} annotated frames of {figures["videos"]} videos, '
          + ('without the quirks of the public evaluator' if args.corrected else 'as the public evaluator '
                                                                                 'counts'))
    print(format_table(figures))
    _print_tracking(figures)
    if args.per_video:
        for name, video in per_video.items():
            print(f'\n{name}: {video["frames"]} annotated frames\n{format_table(video)}')
        figures['per_video'] = per_video
    if args.out:
        with open(args.out, 'w', encoding='utf-8') as file:
            json.dump(plain(figures), file, indent=1)
            file.write('\n')
    if args.plot:
        from mmpose_gss.visualization.posetrack_plots import plot_posetrack
        for path in plot_posetrack(frames, per_video, args.plot):
            print(f'wrote {path}')
    return 0


def plain(value: Any) -> Any:
    """Give a figure as JSON has it: arrays as lists, NaN and infinities as null."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _print_tracking(figures: dict) -> None:
    if figures.get('MOTA'):
        print(f'{figures["switches"]} id switches, {figures["misses"]} misses, {figures["false_positives"]} '
              f'false positives of {figures["objects"]} joints')
    corrected = figures.get('corrected') or {}
    if corrected.get('MOTA'):
        print('without quirks (every frame counts, each match once): '
              f'MOTA {corrected["MOTA"]["mean"]:.1f}, MOTP {corrected["MOTP"]["mean"]:.1f}')


if __name__ == '__main__':
    sys.exit(main())
