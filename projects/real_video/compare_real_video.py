"""Compare the tiny 2D systems on hand-labelled video, leaving speakers out.

Example: ``python compare_real_video.py FOLDER --seeds 5 --folds 5 --out results.json``

FOLDER has an ``index.csv`` of labelled frames (``docs/labelled_video.md``). In every fold a small encoder of
single frames is trained on half of the training speakers and frozen; necks and heads are trained on the other
half with one budget; all are tested on the speakers of the fold. Interrupted, the same command goes on where
it stopped.
"""
from __future__ import annotations

import argparse
import json
import os
import sys
import warnings
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the package, when it is not installed

from mmengine.logging import MMLogger  # noqa: E402
from mmengine.registry import init_default_scope  # noqa: E402
from real_video.folds import run_fold, single_thread  # noqa: E402
from real_video.report import report  # noqa: E402
from real_video.settings import Settings  # noqa: E402
from real_video.systems import table  # noqa: E402
from real_video.windows import SAME_SPEAKER, Source, scale_points  # noqa: E402

import mmpose_gss.datasets  # noqa: E402,F401
import mmpose_gss.models  # noqa: E402,F401
from mmpose_gss.errors import UserError  # noqa: E402


def parse_args(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Read the command line."""
    standard = Settings()
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument('folder', type=Path, help='folder with index.csv and the videos')
    parser.add_argument('--out', type=Path, default=Path('real_video.json'),
                        help='JSON file for the results, with the report beside it as .md')
    parser.add_argument('--cache', type=Path, default=Path('work_dirs/real_video_frames'),
                        help='folder for decoded frames')
    parser.add_argument('--seeds', type=int, default=5, help='repetitions with other folds and weights')
    parser.add_argument('--folds', type=int, default=5, help='parts that the speakers are dealt into')
    parser.add_argument('--systems', nargs='+', choices=list(table(1)), default=list(table(1)))
    parser.add_argument('--stride', type=int, default=standard.stride,
                        help='frames between frames of a window')
    parser.add_argument('--iterations', type=int, default=standard.iterations, help='of every neck or head')
    parser.add_argument('--encoder-iterations', type=int, default=standard.encoder_iterations)
    parser.add_argument('--scale', nargs=2, metavar=('POINT', 'POINT'),
                        help='points whose distance is the unit of errors')
    parser.add_argument('--same', nargs='+', action='append', default=[], metavar='PATTERN',
                        help='patterns of groups or clips that are one speaker')
    parser.add_argument('--toy', action='store_true', help='the smallest sizes, to see that everything runs')
    args = parser.parse_args(argv)
    for name in ('seeds', 'folds', 'stride', 'iterations', 'encoder_iterations'):
        if getattr(args, name) < 1:
            parser.error(f'--{name.replace("_", "-")} must be 1 or more')
    return args


def settings_of(args: argparse.Namespace) -> Settings:
    """Sizes of a command."""
    settings = replace(Settings(), stride=args.stride, iterations=args.iterations,
                       encoder_iterations=args.encoder_iterations)
    return settings.toy() if args.toy else settings


def earlier(path: Path, head: Dict[str, Any]) -> List[Dict[str, Any]]:
    """Folds that a results file of the same settings holds already.

    Raises:
        UserError: If the file is another one.
    """
    if not path.exists():
        return []
    try:
        results = json.loads(path.read_text())
        same = all(results[key] == json.loads(json.dumps(head[key])) for key in ('settings', 'titles'))
        runs = list(results['runs'])
    except (ValueError, KeyError, TypeError):
        raise UserError(f'{path} exists and is not a results file of this program; name another with '
                        '--out') from None
    if not same:
        raise UserError(f'{path} holds results of other settings or systems; name another with --out')
    return runs


def save(path: Path, results: Dict[str, Any]) -> str:
    """Write results and report; returns the report."""
    text = report(results)
    path.parent.mkdir(parents=True, exist_ok=True)
    for file, content in ((path, json.dumps(results) + '\n'), (path.with_suffix('.md'), text)):
        partial = file.with_name(file.name + '.part')
        partial.write_text(content)
        os.replace(partial, file)
    return text


def compare(args: argparse.Namespace) -> str:
    """Run all folds that are not done yet; returns the report."""
    settings = settings_of(args)
    source = Source(args.folder, args.cache, settings, (*SAME_SPEAKER, *map(tuple, args.same)))
    if args.scale:
        source.scale = scale_points({}, source.names, args.scale)
    rows = {name: row for name, row in table(len(source.names)).items() if name in args.systems}
    unit = ('the distance from {} to {}'.format(*(source.names[i] for i in source.scale)) if source.scale
            else "the labels' extent")
    results: Dict[str, Any] = dict(
        settings=dict(asdict(settings), folds=args.folds, folder=args.folder.resolve().name, same=args.same),
        titles={name: row.title for name, row in rows.items()}, scale=unit, notes=notes_of(source), runs=[])
    results['runs'] = earlier(args.out, results)
    done = {(run['seed'], run['fold']) for run in results['runs']}
    for seed in range(args.seeds):
        for fold in range(args.folds):
            if (seed, fold) not in done:
                results['runs'].append(run_fold(source, rows, args.folds, fold, seed))
                save(args.out, results)
                print(f'seed {seed}, fold {fold}: done', file=sys.stderr, flush=True)
    return save(args.out, results)


def notes_of(source: Source) -> List[str]:
    """Sentences about the data and the budget."""
    settings = source.settings
    left = [f'Left out: {count} {reason}.' for reason, count in source.datasets[False].table.left_out.items()]
    return [f'{len(source.groups)} labelled frames, {len(source.names)} points.',
            f'Crops of {settings.input_size[0]}×{settings.input_size[1]} of the whole frame, windows of '
            f'frames {", ".join(map(str, settings.offsets))}.',
            f'Encoder: {settings.encoder_iterations} batches of {settings.encoder_batch} frames; every neck '
            f'or head: {settings.iterations} batches of {settings.batch} windows.', *left]


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Run the comparison and print its report."""
    args = parse_args(argv)
    warnings.simplefilter('ignore')
    MMLogger.get_current_instance().setLevel('ERROR')  # MMEngine lists every parameter
    init_default_scope('mmpose')
    single_thread()
    try:
        print(compare(args))
    except UserError as error:
        sys.exit(f'error: {error}')


if __name__ == '__main__':
    main()
