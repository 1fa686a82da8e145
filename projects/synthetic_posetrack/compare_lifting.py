"""Compare lifters, SimpleBaseline3D, VideoPose3D and PoseMamba, on generated and on recorded motion.

Examples::

    python compare_lifting.py --seeds 3 --seconds 300 --out comparison.json
    python compare_lifting.py --motion clips.npz --seeds 3 --seconds 120 --out comparison.json

Each is trained from scratch for the same processor time. All see the same noisy 2D tracks (x and y relative
to the root of the middle frame, no confidences) and predict camera coordinates relative to the root, without
being told sizes. With ``--motion`` the clips of an npz, with joint names and parents in a JSON beside it, are
seen by random cameras; every method is trained on its training clips and on generated motion, and tested on
its held-out clips. The files and what is done to them are described in ``docs/lifting_comparison.md``.
"""
import argparse
import json
import multiprocessing
import os
import sys
import warnings
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the package, when it is not installed

from lifting_comparison.motion_file import read_motion  # noqa: E402
from lifting_comparison.views import (  # noqa: E402
    Cameras,
    Layout,
    View,
    common_layout,
    generated_views,
    h36m_layout,
    recorded_views,
    summary,
)
from synthetic_posetrack.cli import number, whole_number  # noqa: E402

from mmpose_gss.errors import UserError  # noqa: E402

METHODS = ('SimpleBaseline3D', 'VideoPose3D', 'PoseMamba')
GENERATED = {'train': 48, 'test': 8}
GENERATED_FRAMES = 216
Sets = Dict[str, Dict[str, List[View]]]


def parse_args(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument('--motion', type=Path,
                        help='npz of recorded clips; its skeleton is the JSON beside it')
    parser.add_argument('--skeleton', type=Path, help='that JSON, when it lies elsewhere')
    parser.add_argument('--source-fps', type=number(1, 10000), help='rate of the clips, if the JSON has none')
    parser.add_argument('--own-skeleton', action='store_true',
                        help="lift the file's joints as they are, not Human3.6M's 17 (no training on "
                        'generated motion then)')
    parser.add_argument('--train', nargs='+', choices=('recorded', 'generated'),
                        help='what to train on (default: all there is)')
    parser.add_argument('--fps', type=number(5, 240), default=50.0, help='rate the motion is brought to')
    parser.add_argument('--views', type=whole_number(1, 20), default=2,
                        help='random cameras per part of a clip')
    parser.add_argument('--noise', type=number(0, 20), default=1.0,
                        help='factor on the errors of the 2D tracks')
    parser.add_argument('--data-seed', type=whole_number(0, 2**32 - 1), default=0,
                        help='of cameras and errors')
    parser.add_argument('--generated', type=whole_number(2, 3000), default=GENERATED['train'],
                        help='generated motions to train on')
    parser.add_argument('--seconds', type=number(0.01, 1e6), default=300.0,
                        help='processor time of each training')
    parser.add_argument('--seeds', type=whole_number(1, 100), default=3, help='trainings of each method')
    parser.add_argument('--methods', nargs='+', choices=METHODS, default=METHODS)
    parser.add_argument('--jobs', type=whole_number(1, 64), default=1,
                        help='trainings at a time, one core each')
    parser.add_argument('--out', type=Path,
                        help='JSON file for all results, with the report beside it as .md; trainings '
                        'already in it are not repeated')
    return parser.parse_args(argv)


def make_sets(args: argparse.Namespace) -> Tuple[Layout, Sets, List[str]]:
    """The views to train and test on, by origin and split, and the sentences that describe them."""
    cameras = Cameras(args.fps, views=args.views, noise=args.noise, seed=args.data_seed)
    layout, sets, notes = h36m_layout(), {}, []  # type: Layout, Sets, List[str]
    if args.motion:
        motion = read_motion(args.motion, args.skeleton, args.source_fps)
        layout, weights, decision = common_layout(motion, args.own_skeleton)
        sets['recorded'] = {split: recorded_views(motion, split, layout, weights, cameras)
                            for split in ('train', 'test')}
        notes += [decision, *(note[0].upper() + note[1:] + '.' for note in motion.notes)]
    if layout.is_h36m:
        counts = dict(GENERATED, train=args.generated)
        sets['generated'] = {split: generated_views(split, counts[split], GENERATED_FRAMES, cameras)
                             for split in ('train', 'test')}
    else:
        notes.append("Generated motion has Human3.6M's joints only, so nothing is trained on it here.")
    notes += [f'{origin.capitalize()} motion: {summary(views["train"])} to train on, '
              f'{summary(views["test"])} held out.' for origin, views in sets.items()]
    return layout, sets, notes


def run(task: Tuple[str, str, int, Layout, Sets, float]) -> Dict[str, Any]:
    """One training of one method, and its errors on all held-out sets."""
    method, origin, seed, layout, sets, seconds = task
    warnings.simplefilter('ignore')
    import torch
    torch.set_num_threads(1)
    from lifting_comparison.training import Budget, score, train
    trained = train(method, layout, sets[origin]['train'], Budget(seconds), seed)
    scores = {test: score(trained['method'], views['test']) for test, views in sets.items()}
    return dict(method=method, train=origin, seed=seed, poses=trained['poses'],
                parameters=trained['parameters'], scores=scores)


def earlier_runs(path: Optional[Path], settings: Dict[str, Any]) -> List[Dict[str, Any]]:
    """The trainings that a results file of the same settings holds already."""
    if path is None or not path.exists():
        return []
    try:
        results = json.loads(path.read_text())
        same, runs = results['settings'] == settings, results['runs']
    except (ValueError, KeyError, TypeError):
        raise UserError(
            f'{path} exists and is not a results file of this program; name another file '
            'with --out') from None
    if not same:
        raise UserError(f'{path} holds results of other settings; name another file with --out')
    return list(runs)


def save(path: Optional[Path], results: Dict[str, Any]) -> str:
    """Write the results and their report; returns the report."""
    from lifting_comparison.report import report
    text = report(results)
    if path:
        for file, content in ((path, json.dumps(results, indent=1) + '\n'), (path.with_suffix('.md'), text)):
            partial = file.with_name(file.name + '.part')
            partial.write_text(content)
            os.replace(partial, file)
    return text


def compare(args: argparse.Namespace) -> str:
    """Run all trainings that are not done yet; returns the report."""
    settings = {name: value for name, value in vars(args).items()
                if name not in ('out', 'jobs', 'seeds', 'methods', 'train', 'skeleton')}
    settings['motion'] = args.motion.name if args.motion else None
    done = earlier_runs(args.out, settings)
    layout, sets, notes = make_sets(args)
    origins = args.train or list(sets)
    for origin in origins:
        if origin not in sets:
            raise UserError(f'--train {origin} is not possible here: ' + (
                'give --motion' if origin == 'recorded' else "this skeleton is not Human3.6M's"))
    have = {(r['method'], r['train'], r['seed']) for r in done}
    tasks = [(method, origin, seed, layout, sets, args.seconds) for origin in origins
             for seed in range(args.seeds) for method in args.methods if (method, origin, seed) not in have]
    results: Dict[str, Any] = dict(settings=settings, notes=notes, runs=done)
    for result in outcomes(tasks, args.jobs):
        results['runs'].append(result)
        save(args.out, results)
        print(f'{result["method"]}, trained on {result["train"]} motion, seed {result["seed"]}: done',
              file=sys.stderr, flush=True)
    return save(args.out, results)


def outcomes(tasks: List[Tuple[str, str, int, Layout, Sets, float]], jobs: int) -> Iterator[Dict[str, Any]]:
    """Results of the trainings in order; several at a time run in processes of their own."""
    if jobs == 1:
        yield from map(run, tasks)
        return
    with multiprocessing.get_context('spawn').Pool(jobs, maxtasksperchild=1) as pool:
        yield from pool.imap(run, tasks)


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Run the comparison and print its report."""
    args = parse_args(argv)
    try:
        print(compare(args))
    except UserError as error:
        sys.exit(f'error: {error}')
    except OSError as error:
        sys.exit(f'error: cannot write {args.out} ({error.strerror}); name another file with --out')


if __name__ == '__main__':
    main()
