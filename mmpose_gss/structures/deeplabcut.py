"""DeepLabCut's tables of hand-labelled frames (CollectedData in CSV).

Shapes: K points.

```
scorer,   AW,     AW,     ...
bodyparts,leftLip,leftLip,...
coords,   x,      y,      ...
labeled-data/<clip>/img018.png,95.8,107.7,...     (or labeled-data,<clip>,img018.png,95.8,... in newer
versions) ```
"""
from __future__ import annotations

import csv
import math
import re
from pathlib import Path
from typing import Dict, List, Optional, Tuple

import numpy as np

from mmpose_gss.errors import UserError


class DeepLabCutLabels:
    """The tables of a folder, read when they are asked for.

    Args:
        folder (Path): ``<folder>/<split>/<clip>.csv`` or ``<folder>/<clip>.csv``.

    Attributes:
        names (tuple[str]): K names, those of the first table read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: Tuple[str, ...] = ()
        self._tables: Dict[Tuple[str, str], Tuple[Path, Dict[str, Tuple[int, List[str]]], List[int]]] = {}

    def points(self, where: str, split: str, clip: str, image: str) -> np.ndarray:
        """Points ``(K,2)`` of an image, NaN where one is not labelled.

        Args:
            where (str): Who asks, for messages.
            split (str): Folder of the table; may be empty.
            clip (str): Name of the table.
            image (str): File name of the image.

        Raises:
            UserError: If the table is missing or damaged, or does not list the image.
        """
        if (split, clip) not in self._tables:
            self._tables[split, clip] = self._read(where, split, clip)
        path, rows, order = self._tables[split, clip]
        if image not in rows:
            raise UserError(f'{where}: {path} has no row for {image}; correct the image or add its labels')
        number, cells = rows[image]
        values = [_value(f'{path} row {number}', cell) for cell in cells]
        points = np.array(values).reshape(-1, 2)[order]
        if (np.isnan(points[:, 0]) != np.isnan(points[:, 1])).any():
            raise UserError(f'{path} row {number}: a point has only one of x and y; give both or neither')
        return points

    def _read(self, where: str, split: str,
              clip: str) -> Tuple[Path, Dict[str, Tuple[int, List[str]]], List[int]]:
        candidates = [self.folder / split / f'{clip}.csv', self.folder / f'{clip}.csv']
        candidates += sorted(self.folder.glob(f'*/{clip}.csv'))
        path: Optional[Path] = next((candidate for candidate in candidates if candidate.is_file()), None)
        if path is None:
            raise UserError(f'{where}: there is no table {clip}.csv in {self.folder / split}; copy the '
                            'labels of the clip there')
        try:
            with open(path, newline='', encoding='utf-8-sig') as file:
                reader = csv.reader(file)
                lines = [(reader.line_num, row) for row in reader if any(row)]
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise UserError(f'{path} cannot be read as CSV ({error}); save the labels again') from error
        heads = [row[0] if row else '' for _, row in lines[:3]]
        if heads != ['scorer', 'bodyparts', 'coords']:
            raise UserError(f"{path} is not a table of DeepLabCut for one animal: its first three rows must "
                            'begin with scorer, bodyparts and coords')
        skipped = next((i for i, cell in enumerate(lines[2][1]) if cell == 'x'), 1)
        names, coords = lines[1][1][skipped:], lines[2][1][skipped:]
        if not names or coords != ['x', 'y'] * (len(names) // 2) or names[::2] != names[1::2]:
            raise UserError(
                f'{path}: rows 2 and 3 must name an x and a y of every point; save the labels again')
        rows = {}
        for number, row in lines[3:]:
            if len(row) != skipped + len(names):
                raise UserError(f'{path} row {number}: {len(row)} cells, but {skipped + len(names)} '
                                'columns; save the labels again')
            image = re.split(r'[\\/]', row[skipped - 1])[-1]
            if image in rows:
                raise UserError(
                    f'{path} row {number}: {image} stands in row {rows[image][0]} already; remove one')
            rows[image] = (number, row[skipped:])
        return path, rows, self._order(path, names[::2])

    def _order(self, path: Path, names: List[str]) -> List[int]:
        self.names = self.names or tuple(names)
        if sorted(names) != sorted(self.names) or len(set(names)) != len(names):
            raise UserError(f'{path} has the points {", ".join(names)}, but other tables have '
                            f'{", ".join(self.names)}; all need the same')
        return [names.index(name) for name in self.names]


def _value(where: str, cell: str) -> float:
    if cell.strip() == '':
        return math.nan
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UserError(f"{where}: '{cell}' is not a number of pixels; leave both cells of a point empty if "
                        'it is not labelled')
    return value
