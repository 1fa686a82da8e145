"""The results of all trainings as tables."""
import statistics
from typing import Any, Dict, List, Sequence

from .training import SCORES

Run = Dict[str, Any]  # method, train, seed, poses, parameters, scores: test set -> clip -> score -> value
UNITS = {'MPJPE': 'mm', 'P-MPJPE': 'mm', 'MPJVE': 'mm/frame'}
OURS = 'PoseMamba'


def mean_of_clips(run: Run, test: str, score: str) -> float:
    """Mean over the clips of a test set, each counting once."""
    return statistics.mean(values[score] for values in run['scores'][test].values())


def _spread(values: Sequence[float]) -> str:
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return f'{statistics.mean(values):.1f} ± {spread:.1f}'


def _methods(runs: Sequence[Run]) -> List[str]:
    return list(dict.fromkeys(run['method'] for run in runs))


def mean_table(runs: Sequence[Run], test: str) -> str:
    """Mean over clips, ± standard deviation over seeds, a row per method."""
    heads = [f'{score} ({UNITS[score]})' for score in SCORES]
    lines = ['| ' + ' | '.join(['method', 'parameters', 'poses seen', *heads]) + ' |', '| --- ' * 6 + '|']
    for method in _methods(runs):
        mine = [run for run in runs if run['method'] == method]
        cells = [method, f'{mine[0]["parameters"] / 1e6:.2f} M',
                 f'{statistics.mean(run["poses"] for run in mine):,.0f}']
        cells += [_spread([mean_of_clips(run, test, score) for run in mine]) for score in SCORES]
        lines.append('| ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines)


def clip_table(runs: Sequence[Run], test: str) -> str:
    """A row per clip: MPJPE / P-MPJPE / MPJVE of every method, means over seeds."""
    methods = _methods(runs)
    lines = ['| ' + ' | '.join(['clip', *methods]) + ' |', '| --- ' * (len(methods) + 1) + '|']
    for clip in sorted(runs[0]['scores'][test]):
        cells = [clip]
        for method in methods:
            mine = [run['scores'][test][clip] for run in runs if run['method'] == method]
            cells.append(
                ' / '.join(f'{statistics.mean(values[score] for values in mine):.1f}' for score in SCORES))
        lines.append('| ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines)


def order(runs: Sequence[Run], test: str) -> str:
    """Whether PoseMamba is first on every seed, and on how many clips: a sentence per score."""
    lines = []
    if OURS not in _methods(runs) or len(_methods(runs)) < 2:
        return ''
    for score in SCORES:
        lost, clips_won, clips = [], 0, 0
        seeds = sorted({run['seed'] for run in runs})
        for seed in seeds:
            of_seed = {run['method']: run for run in runs if run['seed'] == seed}
            if OURS not in of_seed:
                continue
            best = min(of_seed, key=lambda method: mean_of_clips(of_seed[method], test, score))
            if best != OURS:
                lost.append(f'seed {seed} ({best})')
            for clip in of_seed[OURS]['scores'][test]:
                values = {method: run['scores'][test][clip][score] for method, run in of_seed.items()}
                clips += 1
                clips_won += min(values, key=lambda method: values[method]) == OURS
        verdict = 'first on every seed' if not lost else 'NOT first on ' + ', '.join(lost)
        lines.append(f'* {score}: {OURS} is {verdict} ({len(seeds)} seeds), and on {clips_won} of {clips} '
                     'pairs of clip and seed.')
    return '\n'.join(lines)


def report(results: Dict[str, Any]) -> str:
    """The whole report in Markdown."""
    settings, runs = results['settings'], results['runs']
    parts = [f'{settings["seconds"]:g} s of processor time on one core per training, '
             f'{len({run["seed"] for run in runs})} seeds, {settings["fps"]:g} frames per second. Mean over '
             'clips, ± standard deviation over seeds.', *results['notes']]
    for train in dict.fromkeys(run['train'] for run in runs):
        of_train = [run for run in runs if run['train'] == train]
        for test in of_train[0]['scores']:
            title = f'## Trained on {train} motion, tested on {test} motion'
            parts += [title, mean_table(of_train, test), order(of_train, test)]
            if test == 'recorded':
                parts += ['Per clip, MPJPE / P-MPJPE / MPJVE:', clip_table(of_train, test)]
    return '\n\n'.join(part for part in parts if part) + '\n'
