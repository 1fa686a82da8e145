"""Tables of all folds: errors by system, differences with intervals.

Shapes: S seeds, G speakers.
"""
from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from .folds import MEAN_POSE, numbers

PAIRS = (('concat-5', 'single-retrained'), ('concat-5', 'concat-1'), ('glsmamba-5', 'single-retrained'),
         ('glsmamba-5', 'glsmamba-1'), ('sdtc-5', 'single-retrained'), ('glsmamba-5', 'concat-5'),
         ('sdtc-5', 'concat-5'))
RESAMPLES = 2000


class Table:
    """Mean errors of every speaker, seed and system.

    Args:
        runs (Sequence[dict]): Of :func:`real_video.folds.run_fold`.
        kind (str): ``errors`` or ``still``.

    Attributes:
        seeds (list[int]): S seeds whose folds are all there.
        groups (list[str]): G speakers.
    """

    def __init__(self, runs: Sequence[Dict[str, Any]], folds: int, kind: str = 'errors') -> None:
        done: Dict[int, int] = {}
        for run in runs:
            done[run['seed']] = done.get(run['seed'], 0) + 1
        whole = [seed for seed, count in sorted(done.items()) if count == folds]
        # Before the first seed is complete its folds are all there is.
        self.seeds = whole or sorted(done)[:1]
        self.runs = [run for run in runs if run['seed'] in self.seeds]
        self.groups = sorted({group for run in self.runs for group in run['groups']})
        self.kind = kind

    def means(self, system: str, share: bool) -> np.ndarray:
        """``(S,G)`` mean error of a speaker's points, in pixels or in percent of the scale."""
        total = np.zeros((len(self.seeds), len(self.groups)))
        count = np.zeros_like(total)
        for run in self.runs:
            values = numbers(run['systems'][system][self.kind])
            if share:
                values = 100 * values / np.array(run['scale'], dtype=float)[:, None]
            seed = self.seeds.index(run['seed'])
            for group, row in zip(run['groups'], values):
                good = np.isfinite(row)
                total[seed, self.groups.index(group)] += row[good].sum()
                count[seed, self.groups.index(group)] += good.sum()
        with np.errstate(invalid='ignore'):
            return total / count

    def has(self, system: str) -> bool:
        """Whether every run has the system (and the kind of errors)."""
        return all(self.kind in run['systems'].get(system, {}) for run in self.runs)


def interval(values: np.ndarray, seed: int = 0) -> Tuple[float, float, float]:
    """Mean over speakers and seeds with a 95 % bootstrap interval, resampling speakers and seeds.

    Args:
        values (ndarray): ``(S,G)``; NaN where a speaker was not tested.
        seed (int): Of the resampling.
    """
    rng = np.random.default_rng(seed)
    draws = []
    for _ in range(RESAMPLES):
        rows = rng.integers(0, values.shape[0], values.shape[0])
        columns = rng.integers(0, values.shape[1], values.shape[1])
        draws.append(np.nanmean(values[np.ix_(rows, columns)]))
    low, high = np.nanpercentile(draws, (2.5, 97.5))
    return float(np.nanmean(values)), float(low), float(high)


def report(results: Dict[str, Any]) -> str:
    """The report in Markdown."""
    runs, titles, folds = results['runs'], results['titles'], results['settings']['folds']
    table, still = Table(runs, folds), Table(runs, folds, 'still')
    pieces = [' '.join(results['notes']), _extent(table, runs, folds)]
    unit = results['scale']
    lines = [f'| system | error (px) | % of {unit} | per seed (px) | change | key frame only (px) |',
             '| --- | --- | --- | --- | --- | --- |']
    for name in [MEAN_POSE, *titles]:
        if not table.has(name):
            continue
        pixels, share = table.means(name, False), interval(table.means(name, True))
        mean, low, high = interval(pixels)
        seeds = ' '.join(f'{np.nanmean(row):.2f}' for row in pixels)
        cells = [titles.get(name, 'mean of the training labels'), f'{mean:.2f} [{low:.2f}, {high:.2f}]',
                 f'{share[0]:.1f}', seeds, *_support(still, name)]
        lines.append('| ' + ' | '.join(cells) + ' |')
    pieces.append('\n'.join(lines))
    pieces.append(_differences(table, titles))
    return '\n\n'.join(piece for piece in pieces if piece) + '\n'


def _extent(table: Table, runs: Sequence[Dict[str, Any]], folds: int) -> str:
    frames = sum(len(run['groups']) for run in table.runs if run['seed'] == table.seeds[0])
    if len(table.runs) < len(table.seeds) * folds:
        return (f'NOT COMPLETE: {len(table.runs)} of {folds} folds of the first seed, {frames} labelled '
                f'frames of {len(table.groups)} speakers, each tested by models that saw none of its frames.')
    text = (f'{len(table.seeds)} seeds × {folds} folds, {frames} labelled frames of {len(table.groups)} '
            'speakers, each tested by models that saw none of its frames.')
    if len(runs) > len(table.runs):
        text += f' {len(runs) - len(table.runs)} folds of a further seed are done and not counted.'
    return text


def _support(still: Table, name: str) -> List[str]:
    if not still.has(name):
        return ['–', '–']
    change = np.mean([run['systems'][name]['change'] for run in still.runs])
    return [f'{100 * change:.1f} %', f'{np.nanmean(still.means(name, False)):.2f}']


def _differences(table: Table, titles: Dict[str, str], pairs: Optional[Sequence] = None) -> str:
    lines = ['| difference | px [95 % interval] | better for | seeds |', '| --- | --- | --- | --- |']
    for name, other in pairs or PAIRS:
        if name not in titles or other not in titles or not (table.has(name) and table.has(other)):
            continue
        values = table.means(name, False) - table.means(other, False)
        mean, low, high = interval(values)
        better = (np.nanmean(values, axis=0) < 0).sum()
        seeds = (np.nanmean(values, axis=1) < 0).sum()
        lines.append(f'| {titles[name]} − {titles[other]} | {mean:+.2f} [{low:+.2f}, {high:+.2f}] | '
                     f'{better} of {values.shape[1]} speakers | {seeds} of {values.shape[0]} |')
    return '\n'.join(lines) if len(lines) > 2 else ''
