"""One folder per row and seed; a run that is there already is not made again.

Shapes: N test persons, K joints.
"""
from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Dict, Iterator, List, Optional

import numpy as np
import torch

from mmpose_gss.engine.checkpoint import load_checkpoint
from mmpose_gss.engine.complexity import count_complexity
from window_benchmark.data import Data
from window_benchmark.files import whole, write_json
from window_benchmark.scores import GROUPS, Found, groups_of, jitter, mean_ap
from window_benchmark.systems import Row, System, build_system
from window_benchmark.training import change, predict, train


@dataclass
class Run:
    """What is kept of one row with one seed.

    Attributes:
        result (dict): Figures, see :func:`score`.
        found (Found): Poses of the test persons.
        folder (Path): Where it lies, with the weights.
    """
    result: Dict
    found: Found
    folder: Path


class Runs:
    """The runs of a benchmark.

    Args:
        data (Data): What the rows share.
        rows (dict[str, Row]): The table.
    """

    def __init__(self, data: Data, rows: Dict[str, Row]) -> None:
        self.data = data
        iterations = data.settings.iterations
        self.rows = rows if iterations is None else {
            name: replace(row, iterations=iterations) for name, row in rows.items()}

    def folder(self, name: str, seed: int) -> Path:
        """Where a run lies; the name tells its whole configuration."""
        return self.data.folder / 'runs' / f'{name}-{self.rows[name].fingerprint}' / f'seed{seed}'

    def load(self, name: str, seed: int) -> Optional[Run]:
        """A run, or None if it has not been made."""
        folder = self.folder(name, seed)
        if not folder.is_dir():
            return None
        with np.load(folder / 'found.npz') as arrays:
            found = Found(arrays['offset'], arrays['score'])
        return Run(json.loads((folder / 'result.json').read_text()), found, folder)

    def finished(self, name: str, seeds: List[int]) -> Iterator[Run]:
        """The runs of a row that have been made."""
        return (run for run in (self.load(name, seed) for seed in seeds) if run is not None)

    def system(self, name: str, seed: int) -> System:
        """The trained system of a run."""
        system = build_system(self.rows[name], self.data.encoder_path, seed)
        path = self.folder(name, seed) / 'weights.pth'
        if path.is_file():
            load_checkpoint(system, path, f'the row {name}')
        return system.eval()

    def make(self, name: str, seed: int, again: bool = False) -> Dict:
        """Train and score a row with a seed unless that has been done; return its figures."""
        folder = self.folder(name, seed)
        if folder.is_dir() and not again:
            return json.loads((folder / 'result.json').read_text())
        row, data = self.rows[name], self.data
        system = build_system(row, data.encoder_path, seed)
        spent = costs(system, data)
        curve, minutes = [], 0.
        if row.train:
            curve, minutes = train(system, row, data.windows('neck'), seed, row.iterations)
        system.eval()
        result = dict(name=name, seed=seed, minutes=minutes, curve=curve, config=asdict(row),
                      **spent, **score(system, row, data, seed < data.settings.still_seeds))
        found = result.pop('found')
        with whole(folder) as partial:
            partial.mkdir()
            write_json(partial / 'result.json', result)
            np.savez(partial / 'found.npz', offset=found.offset, score=found.score)
            torch.save(dict(state_dict=system.state_dict()), partial / 'weights.pth')
        return result


def score(system: System, row: Row, data: Data, stand_still: bool) -> Dict:
    """Figures of a trained system on the test and the validation set.

    Returns:
        dict: ``ap`` by group, ``validation`` (AP of all joints there), ``jitter``, ``milliseconds`` and
        ``found``; with ``stand_still`` and more than one frame also ``change`` of the heatmaps and
        ``ap_still`` by group when all support frames are replaced by the key frame.
    """
    test, validation = data.windows('test'), data.windows('validation')
    groups = groups_of(test.truth)
    predicted = predict(system, row, test)
    checked = predict(system, row, validation)
    result = dict(
        ap={name: float(mean_ap(predicted.found, groups[name])[0]) for name in GROUPS},
        validation=float(mean_ap(checked.found, groups_of(validation.truth)['all'])[0]),
        jitter=jitter(predicted.found, test.truth), milliseconds=predicted.milliseconds,
        found=predicted.found)
    if stand_still and row.frames > 1 and row.neck is not None:
        frozen = predict(system, row, test, stand_still=True)
        result.update(change=change(predicted.heatmaps, frozen.heatmaps),
                      ap_still={name: float(mean_ap(frozen.found, groups[name])[0]) for name in GROUPS})
    return result


def costs(system: System, data: Data) -> Dict:
    """Parameters that are trained, and multiply-adds per person of neck and head."""
    params = sum(param.numel() for param in system.parameters() if param.requires_grad)
    shape = data.windows('test').feats.shape[1:]
    copy = deepcopy(system)  # counting takes the weights away
    return dict(params=params, macs=int(count_complexity(copy, (1, *shape)).complete['']))
