"""The report as Markdown: figures per row, differences with intervals, what holds and what does not.

Shapes: N test persons, K joints, D draws of the bootstrap.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np

from window_benchmark.encoder import trained_minutes
from window_benchmark.rows import CLAIMS
from window_benchmark.runs import Run, Runs
from window_benchmark.scores import BLURRED, FAST, GROUPS, clip_draws, groups_of, interval, mean_ap

DRAWS = 400
#: Least change of the heatmaps, in percent, of a neck that sees its window.
SEEN = 3.
COLUMNS = ('row', *(f'AP {group}' for group in GROUPS), 'jitter', 'parameters', 'M multiply-adds', 'CPU ms',
           'training min', 'seeds')


@dataclass(frozen=True)
class Difference:
    """AP of a row minus that of another, means over the seeds that both have.

    Attributes:
        row (str): Name of the row.
        other (str): Name of the other.
        seeds (int): Number of pairs.
        values (dict): For each group the mean, lower and upper end of the 95 % interval.
    """
    row: str
    other: str
    seeds: int
    values: Dict[str, List[float]]


class Report:
    """Figures of all finished runs.

    Args:
        runs (Runs): The runs.
        seeds (Sequence[int]): Seeds to look for.
    """

    def __init__(self, runs: Runs, seeds: Sequence[int]) -> None:
        self.runs, self.seeds = runs, list(seeds)
        self.done: Dict[str, Dict[int, Run]] = {}
        for name in runs.rows:
            found = {seed: runs.load(name, seed) for seed in seeds}
            self.done[name] = {seed: run for seed, run in found.items() if run is not None}
        self.truth = runs.data.windows('test').truth
        self.groups = groups_of(self.truth)
        draws = clip_draws(self.truth.clip, DRAWS)
        self._weight = np.concatenate((np.ones((1, draws.shape[1])), draws)).astype(np.float32)
        self._ap: Dict[Tuple[str, int, str], np.ndarray] = {}

    def _draws(self, name: str, seed: int, group: str) -> np.ndarray:
        key = (name, seed, group)
        if key not in self._ap:
            self._ap[key] = mean_ap(self.done[name][seed].found, self.groups[group], self._weight)
        return self._ap[key]

    def difference(self, row: str, other: str) -> Optional[Difference]:
        """Paired difference of two rows, None if no seed has both."""
        # A row without training is the same under every seed: one run of it stands for all.
        fixed = not self.runs.rows[other].train
        stand_in = min(self.done[other], default=None) if fixed else None
        pairs = [(seed, seed if stand_in is None else stand_in) for seed in self.done[row]]
        pairs = [(a, b) for a, b in pairs if b in self.done[other]]
        if not pairs:
            return None
        values = {}
        for group in GROUPS:
            values[group] = interval(
                [self._draws(row, a, group) - self._draws(other, b, group) for a, b in pairs])
        return Difference(row, other, len(pairs), values)

    # ------------------------------------------------------------------ sections

    def text(self) -> str:
        """The whole report."""
        parts = [self._head(), self._table(), '## Differences', self._differences(), '## Is the window seen?',
                 self._window(), '## Bounds', self._claims(), self._missing()]
        return '\n\n'.join(part for part in parts if part) + '\n'

    def figures(self) -> Dict[str, Dict]:
        """AP of every finished row, its mean and interval by group, and its differences, as plain data."""
        result = {}
        for name, found in self.done.items():
            if found:
                ap = {group: interval([self._draws(name, seed, group) for seed in found]) for group in GROUPS}
                differences = [self.difference(name, other) for other in self.runs.rows[name].versus]
                result[name] = dict(title=self.runs.rows[name].title, seeds=len(found), ap=ap, minus={
                    found.other: found.values for found in differences if found is not None})
        return result

    def _head(self) -> str:
        data, settings = self.runs.data, self.runs.data.settings
        counts = ', '.join(
            f'{group} {int(mask.sum())}' for group, mask in self.groups.items() if group != 'all')
        return (
            f'Generated clips ({settings.difficulty}, {settings.fps} frames per second, {settings.people} '
            f'people), disjoint: {settings.clips["encoder"]} for the encoder, '
            f'{settings.clips["neck"]} for the necks '
            f'({len(data.windows("neck"))} windows), {settings.clips["validation"]} for choices, '
            f'{settings.clips["test"]} for the figures below: {len(self.truth.clip)} persons, '
            f'{int(self.groups["all"].sum())} joints ({counts}). Blurred: moves at least {BLURRED} head '
            f'sizes while the shutter is open; fast: at least {FAST} head sizes per frame; crossing: a limb '
            'of somebody else within half a head size. The encoder was trained in '
            f'{trained_minutes(data.encoder_path):.1f} minutes and frozen.\n\n'
            'AP at PCKh 0.5, mean over 15 joints; mean and standard deviation over seeds. Jitter: '
            'acceleration error, head sizes per frame². Parameters and multiply-adds are those of neck and '
            'head for one person; CPU ms and minutes are processor time on one core.')

    def _table(self) -> str:
        lines = ['| ' + ' | '.join(COLUMNS) + ' |', '|---' * len(COLUMNS) + '|']
        for name, found in self.done.items():
            if found:
                lines.append('| ' + ' | '.join(self._cells(name, list(found.values()))) + ' |')
        return '\n'.join(lines)

    def _cells(self, name: str, found: Sequence[Run]) -> List[str]:
        def figure(key: str, digits: int) -> str:
            return f'{np.mean([run.result[key] for run in found]):.{digits}f}'

        cells = [self.runs.rows[name].title]
        for group in GROUPS:
            values = [run.result['ap'][group] for run in found]
            several = len(values) > 1 and self.runs.rows[name].train
            spread = f' ± {np.std(values, ddof=1):.1f}' if several else ''
            cells.append(f'{np.mean(values):.1f}{spread}')
        params = found[0].result['params'] if self.runs.rows[name].train else 0
        return [*cells, figure('jitter', 3), f'{params:,}', f'{found[0].result["macs"] / 1e6:.1f}',
                figure('milliseconds', 1), figure('minutes', 2), str(len(found))]

    def _differences(self) -> str:
        lines = ['AP of a row minus that of another, paired by seed; 95 % intervals by a bootstrap over '
                 'clips and seeds. Bold: the interval excludes 0.', '',
                 '| row | minus | ' + ' | '.join(GROUPS) + ' | seeds |', '|---' * (len(GROUPS) + 3) + '|']
        for name, row in self.runs.rows.items():
            for other in row.versus:
                found = self.difference(name, other) if self.done[name] else None
                if found is not None:
                    cells = [_signed(found.values[group]) for group in GROUPS]
                    lines.append(f'| {row.title} | {self.runs.rows[other].title} | ' + ' | '.join(cells)
                                 + f' | {found.seeds} |')
        return '\n'.join(lines)

    def _window(self) -> str:
        lines = ['All support frames replaced by the key frame: relative change of the heatmaps, AP then.',
                 '',
                 f'| row | change of heatmaps | AP | AP with the key frame only | seen: at least {SEEN:g} %, '
                 'and AP falls | seeds |', '|---|---|---|---|---|---|']
        for name, found in self.done.items():
            checked = [run.result for run in found.values() if 'change' in run.result]
            if checked:
                change = 100 * np.mean([result['change'] for result in checked])
                before, after = (np.mean([result[key]['all'] for result in checked])
                                 for key in ('ap', 'ap_still'))
                title = self.runs.rows[name].title
                seen = 'yes' if change >= SEEN and after < before else 'no'
                lines.append(
                    f'| {title} | {change:.1f} % | {before:.1f} | {after:.1f} | {seen} | '
                    f'{len(checked)} |')
        return '\n'.join(lines) if len(lines) > 4 else ''

    def _claims(self) -> str:
        lines = ['A difference has to be as large as claimed with an interval above 0; "not below" fails '
                 'where the whole interval lies below 0.', '', '| claim | measured | |', '|---|---|---|']
        for claim in CLAIMS:
            ready = all(self.done.get(name) for name in (claim.row, claim.other))
            found = self.difference(claim.row, claim.other) if ready else None
            if found is None:
                lines.append(f'| {claim.text} | not run | |')
                continue
            values = [found.values[group] for group in claim.groups]
            if claim.least is None:
                chosen = min(values, key=lambda value: value[2])
                holds = chosen[2] >= 0
            else:
                chosen = max(values)
                holds = chosen[0] >= claim.least and chosen[1] > 0
            lines.append(f'| {claim.text} | {_signed(chosen)} | {"holds" if holds else "does not hold"} |')
        return '\n'.join(lines)

    def _missing(self) -> str:
        missing = {name: len(self.seeds) - len(found) for name, found in self.done.items()}
        none = [name for name, count in missing.items() if count == len(self.seeds)]
        some = [f'{name} ({count} seeds)' for name, count in missing.items() if 0 < count < len(self.seeds)
                and self.runs.rows[name].train]
        if not none and not some:
            return ''
        return '## Not run\n\n' + '\n'.join(f'* {name}' for name in [*none, *some])


def _signed(value: Sequence[float]) -> str:
    """A difference and its interval, bold where it excludes 0."""
    mean, low, high = value
    text = f'{mean:+.1f} [{low:+.1f}, {high:+.1f}]'
    return f'**{text}**' if low > 0 or high < 0 else text
