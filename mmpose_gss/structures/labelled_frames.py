"""Hand-labelled frames of videos: a table of (video, frame, points) rows.

Shapes: K points.

```
index.csv:  video,frame[,group][,split][,person][,x1,y1,x2,y2],nose_x,nose_y,tail_x,tail_y,...
labels/:    DeepLabCut's tables, one per clip, where index.csv has `clip` and `image` and no points
```
"""
from __future__ import annotations

import csv
import json
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np

from mmpose_gss.errors import UserError
from mmpose_gss.structures.deeplabcut import DeepLabCutLabels
from mmpose_gss.structures.safe_names import inside

BOX_COLUMNS = ('x1', 'y1', 'x2', 'y2')
GROUP_COLUMNS = ('group', 'speaker', 'subject')
SPLIT_COLUMNS = ('split', 'authors_split')
GOOD_MATCHES = ('exact', 'near', '')
VIDEO_SUFFIXES = ('.mp4', '.avi', '.mov', '.mkv', '.webm', '.m4v', '.mpg', '.mpeg', '')


@dataclass(frozen=True)
class LabelledFrame:
    """One labelled frame (of one person).

    Attributes:
        video (str): Path of the video, or of a folder of images.
        frame (int): Its number from 0, in decoding order.
        points (ndarray): ``(K,2)`` pixels; NaN where a point is not labelled.
        group (str): What must not be on both sides of a split: a speaker, an animal; the video by default.
        split (str): Empty if the table has none.
        person (str): Tells people of one frame apart; empty if there is one.
        box (tuple[float], optional): x1, y1, x2, y2 in pixels; None is the whole frame.
        where (str): The row, for messages.
    """
    video: str
    frame: int
    points: np.ndarray
    group: str
    split: str
    person: str
    box: Optional[Tuple[float, float, float, float]]
    where: str


@dataclass(frozen=True)
class LabelledFrames:
    """All rows of a table.

    Attributes:
        names (tuple[str]): K names of points.
        frames (list[LabelledFrame]): The rows, in the table's order.
        left_out (dict[str, int]): Why and how many rows were left out.
    """
    names: Tuple[str, ...]
    frames: List[LabelledFrame]
    left_out: Dict[str, int] = field(default_factory=dict)


def read_labelled_frames(path: str) -> LabelledFrames:
    """Read a table of labelled frames.

    Args:
        path (str): The table, or the folder with its ``index.csv``.

    Returns:
        LabelledFrames: The rows. Videos exist; that they can be decoded is not checked here.

    Raises:
        UserError: If the table or a video is missing, a column is missing, a number is none, or a frame is
            listed twice; the message names file and row.
    """
    index = Path(path)
    index = index / 'index.csv' if index.is_dir() else index
    header, rows = _read_csv(index)
    names = _point_names(index, header)
    labels = None
    if not names:
        if 'clip' not in header or 'image' not in header:
            raise UserError(f'{index} has no points: add two columns per point, such as nose_x and nose_y, '
                            "or 'clip' and 'image' with DeepLabCut's tables in the folder labels")
        labels = DeepLabCutLabels(index.parent / 'labels')
    video_column = next((name for name in ('video', 'clip') if name in header), None)
    if video_column is None or 'frame' not in header:
        missing = "'frame'" if video_column else "'video'"
        raise UserError(
            f'{index} has no column {missing}; its first line must name video, frame and the points')
    reader = _RowReader(index, header, names, labels, video_column)
    frames: List[LabelledFrame] = []
    left_out: Dict[str, int] = {}
    seen: Dict[Tuple[str, int, str], str] = {}
    for number, cells in rows:
        if len(cells) != len(header):
            raise UserError(f'{index} row {number}: {len(cells)} cells, but the first line names '
                            f'{len(header)} columns; give every row all cells, separated by commas')
        row = dict(zip(header, cells))
        if row.get('match', '') not in GOOD_MATCHES:
            reason = f"rows whose match is '{row['match']}'"
            left_out[reason] = left_out.get(reason, 0) + 1
            continue
        frame = reader.read(number, row)
        key = (frame.video, frame.frame, frame.person)
        if key in seen:
            raise UserError(f'{frame.where}: frame {frame.frame} of {frame.video} stands in row {seen[key]} '
                            "already; remove one, or tell people apart in a column 'person'")
        seen[key] = str(number)
        frames.append(frame)
    if not frames:
        raise UserError(f'{index} has no row that can be used; add one per labelled frame')
    names = labels.names if labels is not None else names
    return LabelledFrames(names, frames, left_out)


def _read_csv(path: Path) -> Tuple[List[str], List[Tuple[int, List[str]]]]:
    """Header and non-empty rows with their line numbers."""
    try:
        with open(path, newline='', encoding='utf-8-sig') as file:
            reader = csv.reader(file)
            header = [cell.strip() for cell in next(reader, [])]
            rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(row)]
    except FileNotFoundError:
        raise UserError(f'{path} does not exist; it lists the labelled frames, one row each') from None
    except OSError as error:
        raise UserError(f'{path} cannot be read ({error.strerror}); it lists the labelled frames') from error
    except (UnicodeDecodeError, csv.Error):
        raise UserError(f'{path} is not a CSV file in UTF-8; save it as comma separated text') from None
    twice = [name for name in header if name and header.count(name) > 1]
    if twice:
        raise UserError(f'{path} has the column {twice[0]!r} twice; rename or remove one')
    return header, rows


def _point_names(index: Path, header: Sequence[str]) -> Tuple[str, ...]:
    names = [name[:-2] for name in header if name.endswith('_x') and len(name) > 2]
    for name in names:
        if f'{name}_y' not in header:
            raise UserError(f"{index} has a column '{name}_x' and none '{name}_y'; a point needs both")
    for name in header:
        if name.endswith('_y') and name[:-2] not in names:
            raise UserError(f"{index} has a column '{name}' and none '{name[:-2]}_x'; a point needs both")
    return tuple(names)


class _RowReader:
    """Turns rows of a table into labelled frames."""

    def __init__(self, index: Path, header: Sequence[str], names: Tuple[str, ...],
                 labels: Optional[DeepLabCutLabels], video_column: str) -> None:
        self.index, self.names, self.labels, self.video_column = index, names, labels, video_column
        self.group = next((name for name in GROUP_COLUMNS if name in header), None)
        self.split = next((name for name in SPLIT_COLUMNS if name in header), None)
        boxed = [name for name in BOX_COLUMNS if name in header]
        if boxed and len(boxed) < 4:
            raise UserError(f'{index} has a column {boxed[0]!r}, but a box needs all of x1, y1, x2 and y2')
        if 'person' in header and not boxed:
            raise UserError(f"{index} has a column 'person' and no boxes; with several people in a frame "
                            'add the columns x1, y1, x2 and y2')
        self.boxed = bool(boxed)
        self._videos: Dict[str, str] = {}

    def read(self, number: int, row: Dict[str, str]) -> LabelledFrame:
        """One row."""
        where = f'{self.index} row {number}'
        video = self._video(where, row[self.video_column])
        frame = row['frame']
        if not re.fullmatch(r'\d+(\.0*)?', frame):
            raise UserError(f"{where}: frame is '{frame}', but must be a whole number that counts from 0")
        split = row[self.split] if self.split else ''
        if self.labels is not None:
            stays_inside(where, f"{split}/{row['clip']}" if split else row['clip'])
            points = self.labels.points(where, split, row['clip'], row['image'])
        else:
            points = np.array([self._point(where, name, row) for name in self.names])
        if np.isnan(points).all():
            raise UserError(f'{where}: no point is labelled; fill in one or remove the row')
        group = row[self.group] if self.group else ''
        return LabelledFrame(video, int(float(frame)), points, group or Path(video).stem, split,
                             row.get('person', ''), self._box(where, row) if self.boxed else None, where)

    def _video(self, where: str, name: str) -> str:
        if name not in self._videos:
            root = self.index.parent
            if not name:
                raise UserError(f'{where}: the column {self.video_column!r} is empty; name the video')
            stays_inside(where, name)
            folders = (root, root / 'videos')
            suffixes = VIDEO_SUFFIXES if self.video_column == 'clip' else ('', )
            found = [path for folder in folders for suffix in suffixes
                     for path in [folder / f'{name}{suffix}'] if path.exists()]
            if not found:
                raise UserError(f'{where}: there is no video {name} in {root} or {root / "videos"}; correct '
                                'the name or copy the video there')
            self._videos[name] = str(found[0])
        return self._videos[name]

    @staticmethod
    def _point(where: str, name: str, row: Dict[str, str]) -> Tuple[float, float]:
        cells = row[f'{name}_x'], row[f'{name}_y']
        if cells == ('', ''):
            return math.nan, math.nan
        return number_of(where, f'{name}_x', cells[0]), number_of(where, f'{name}_y', cells[1])

    @staticmethod
    def _box(where: str, row: Dict[str, str]) -> Tuple[float, float, float, float]:
        x1, y1, x2, y2 = (number_of(where, name, row[name]) for name in BOX_COLUMNS)
        if x2 <= x1 or y2 <= y1:
            raise UserError(f'{where}: the box ({x1:g}, {y1:g}, {x2:g}, {y2:g}) has no area; x2 and y2 are '
                            'its right and lower edge')
        return x1, y1, x2, y2


def stays_inside(where: str, name: str) -> None:
    """Check that a table names files of its own folder only.

    Raises:
        UserError: If a name is absolute or leaves the folder through ``..``.
    """
    try:
        inside(name, where)
    except UserError as error:
        raise UserError(f"{where}: {name!r} may lie outside the table's folder; copy or link the files "
                        "there and name them relative to it") from error


def number_of(where: str, name: str, cell: str) -> float:
    """A cell as a finite number.

    Raises:
        UserError: If it is none.
    """
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UserError(f"{where}: {name} is '{cell}', but must be a number in pixels; leave both cells of "
                        'a point empty if it is not labelled')
    return value


def labelled_metainfo(names: Sequence[str], name: str, settings: Optional[dict] = None) -> dict:
    """MMPose's ``dataset_info`` of a set of named points.

    Args:
        names (Sequence[str]): K names; those that differ in left and right alone are exchanged by a mirror.
        name (str): Of the data set.
        settings (dict, optional): Of :func:`read_point_settings`.

    Returns:
        dict: Unparsed metainfo. OKS sigmas are 0.05 for all, since nobody has measured them.
    """
    settings = settings or {}
    swaps = dict(mirrored_names(names))
    for a, b in settings.get('swap', ()):
        swaps[a], swaps[b] = b, a
    points = {i: dict(name=point, id=i, color=[51, 153, 255], type='', swap=swaps.get(point, ''))
              for i, point in enumerate(names)}
    links = {i: dict(link=tuple(pair), id=i, color=[51, 153, 255])
             for i, pair in enumerate(settings.get('links', ()))}
    return dict(dataset_name=name, paper_info={}, keypoint_info=points, skeleton_info=links,
                joint_weights=[1.0] * len(names), sigmas=[0.05] * len(names))


def mirrored_names(names: Sequence[str]) -> List[Tuple[str, str]]:
    """Pairs (name, name on the other side), both ways."""
    lower = {name.lower(): name for name in names}
    pairs = []
    for name in names:
        for side, other in (('left', 'right'), ('right', 'left')):
            partner = lower.get(name.lower().replace(side, other))
            if side in name.lower() and partner not in (None, name):
                pairs.append((name, str(partner)))
                break
    return pairs


def read_point_settings(folder: str, names: Sequence[str]) -> dict:
    """Read the optional ``points.json`` of a folder.

    Args:
        folder (str): The folder of the table.
        names (Sequence[str]): The points that may be named.

    Returns:
        dict: ``swap`` and ``links``: pairs of names; ``scale``: the pair whose distance is the unit of
        errors. Empty if there is no such file.

    Raises:
        UserError: If it is not JSON or names a point that the table has not.
    """
    path = Path(folder) / 'points.json'
    if not path.is_file():
        return {}
    try:
        data = json.loads(path.read_text(encoding='utf-8'))
    except (ValueError, OSError) as error:
        raise UserError(f'{path} is not JSON ({error}); it may name swap, links and scale') from error
    unknown = sorted(set(data) - {'swap', 'links', 'scale'}) if isinstance(data, dict) else ['a list']
    if unknown:
        raise UserError(f'{path} has the entry {unknown[0]!r}; it may hold swap, links and scale only')
    pairs = {key: [value] if key == 'scale' else value for key, value in data.items()}
    for key, value in pairs.items():
        good = isinstance(value, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in value)
        if not good or any(point not in names for pair in value for point in pair):
            raise UserError(f'{path}: {key!r} is {data[key]!r}, but must be pairs of point names of the '
                            f'table ({", ".join(names)})')
    return data
