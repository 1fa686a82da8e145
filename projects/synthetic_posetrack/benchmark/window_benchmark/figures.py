"""Pictures of the report, and the report's folder.

Shapes: N test persons, K joints, T frames.
"""
from __future__ import annotations

from pathlib import Path
from typing import Dict, List, Sequence, Tuple

import cv2
import matplotlib
import numpy as np

from window_benchmark.files import whole, write_json
from window_benchmark.report import Report
from window_benchmark.runs import Runs
from window_benchmark.scores import LIMIT
from window_benchmark.settings import INPUT
from window_benchmark.windows import Truth

matplotlib.use('Agg')
import matplotlib.pyplot as plt  # noqa: E402

#: Limbs of PoseTrack's 17 joints, by index.
LIMBS = ((2, 0), (0, 1), (1, 5), (1, 6), (5, 7), (7, 9), (6, 8), (8, 10), (5, 11), (6, 12), (11, 12),
         (11, 13), (13, 15), (12, 14), (14, 16))
#: Rows that pictures of people show beside the truth, as far as they have been run.
SHOWN = ('single-retrained', 'concat-5', 'glsmamba-1', 'glsmamba-5', 'sdtc-5')
GREEN, RED, WHITE, GREY = (90, 200, 60), (60, 60, 230), (255, 255, 255), (70, 70, 70)
ENLARGED = 2


def write_report(runs: Runs, seeds: Sequence[int]) -> Path:
    """Write tables and pictures into the benchmark's folder; return the Markdown file."""
    report, folder = Report(runs, seeds), runs.data.folder / 'report'
    folder.mkdir(exist_ok=True)
    pictures = [('Accuracy against compute', draw_costs(report, folder)),
                ('Learning curves', draw_curves(report, folder)), *draw_people(report, folder)]
    text = report.text() + '\n## Pictures\n'
    for title, path in pictures:
        text += f'\n![{title}]({path.name})\n\n*{title}*\n'
    write_json(folder / 'report.json', report.figures())
    path = folder / 'report.md'
    with whole(path) as partial:
        partial.write_text('# Benchmark of windows\n\n' + text)
    return path


def _save(figure: plt.Figure, path: Path) -> Path:
    figure.tight_layout()
    figure.savefig(path, dpi=80)
    plt.close(figure)
    return path


def draw_costs(report: Report, folder: Path) -> Path:
    """AP of all joints over multiply-adds of neck and head, with the deviation over seeds."""
    figure, axes = plt.subplots(figsize=(8, 5))
    for name, found in report.done.items():
        if found:
            values = [run.result['ap']['all'] for run in found.values()]
            spread = np.std(values, ddof=1) if len(values) > 1 else 0.
            macs = next(iter(found.values())).result['macs'] / 1e6
            axes.errorbar(macs, np.mean(values), spread, marker='o', capsize=2)
            axes.annotate(
                name, (macs, np.mean(values)), fontsize=7, xytext=(4, 3), textcoords='offset points')
    axes.set(xscale='log', ylabel='AP, all joints',
             xlabel='multiply-adds of neck and head per person, millions')
    axes.grid(alpha=0.3)
    return _save(figure, folder / 'costs.png')


def budget_curves(report: Report) -> Dict[str, List[Tuple[int, List[float]]]]:
    """AP of all joints by iterations, for rows that differ in their iterations alone."""
    families: Dict[str, List[Tuple[int, List[float]]]] = {}
    for name, found in report.done.items():
        if found and report.runs.rows[name].train:
            values = [run.result['ap']['all'] for run in found.values()]
            families.setdefault(name.split('@')[0], []).append((report.runs.rows[name].iterations, values))
    return {name: sorted(points) for name, points in families.items() if len(points) > 1}


def relative_curves(report: Report, base: str = 'single-retrained') -> Dict[str, np.ndarray]:
    """Training loss of each row over that of the base row on the same batches, mean over seeds.

    Only rows of as many iterations as the base can be compared; ``(points,)`` each.
    """
    curves = {}
    for name, found in report.done.items():
        same = report.runs.rows[name].iterations == report.runs.rows[base].iterations
        pairs = [(run.result['curve'], report.done[base][seed].result['curve'])
                 for seed, run in found.items() if run.result['curve'] and seed in report.done[base]]
        if same and pairs and name != base:
            curves[name] = np.mean([np.divide(*pair) for pair in pairs], axis=0)
    return curves


def draw_curves(report: Report, folder: Path) -> Path:
    """Left the training loss relative to the single frame's, right AP after trainings of several lengths."""
    budgets = budget_curves(report)
    figure, axes = plt.subplots(1, 2 if budgets else 1, figsize=(11 if budgets else 6, 4.5), squeeze=False)
    for name, loss in relative_curves(report).items():
        share = (np.arange(len(loss)) + 0.5) / len(loss)
        axes[0, 0].plot(share * report.runs.rows[name].iterations, 100 * (loss - 1), label=name, linewidth=1)
    axes[0, 0].set(xlabel='iterations', ylabel='training loss against the retrained single frame, %')
    axes[0, 0].grid(alpha=0.3)
    axes[0, 0].legend(fontsize=6)
    for name, points in budgets.items():
        spread = [np.std(values, ddof=1) if len(values) > 1 else 0. for _, values in points]
        axes[0, 1].errorbar([its for its, _ in points], [np.mean(values) for _, values in points], spread,
                            marker='o', capsize=2, label=name)
    if budgets:
        axes[0, 1].set(xlabel='iterations of the whole training', ylabel='AP, all joints')
        axes[0, 1].grid(alpha=0.3)
        axes[0, 1].legend(fontsize=7)
    return _save(figure, folder / 'curves.png')


# ---------------------------------------------------------------------- people


def crop_of(report: Report, index: int) -> np.ndarray:
    """The crop of a test person, enlarged, ``(H,W,3)``."""
    truth = report.truth
    folder = report.runs.data.clips('test') / 'images' / 'train'
    path = next(folder.glob(f'{truth.clip[index]:06d}_*')) / f'{truth.frame[index]:06d}.jpg'
    scale, offset = truth.to_image[index]
    matrix = np.array([[scale[0] / ENLARGED, 0, offset[0]], [0, scale[1] / ENLARGED, offset[1]]])
    size = (INPUT[0] * ENLARGED, INPUT[1] * ENLARGED)
    return cv2.warpAffine(cv2.imread(str(path)), matrix, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)


def draw_pose(picture: np.ndarray, truth: Truth, index: int, offset: np.ndarray) -> np.ndarray:
    """A pose on a crop: green joints are right, red ones wrong; hollow ones are hidden.

    Args:
        picture (np.ndarray): From :func:`crop_of`.
        truth (Truth): Of all persons.
        index (int): The person.
        offset (np.ndarray): Prediction minus truth in head sizes, ``(K,2)``.
    """
    picture = picture.copy()
    scale, shift = truth.to_image[index]
    points = truth.joints[index] + offset * truth.head_size[index]
    points = ((points - shift) / scale * ENLARGED).round().astype(int)
    annotated = truth.annotated[index]
    for a, b in LIMBS:
        if annotated[a] and annotated[b]:
            cv2.line(picture, points[a].tolist(), points[b].tolist(), WHITE, 1, cv2.LINE_AA)
    for k in np.flatnonzero(annotated):
        colour = GREEN if np.linalg.norm(offset[k]) <= LIMIT else RED
        cv2.circle(picture, points[k].tolist(), 3, colour, 1 if truth.hidden[index, k] else -1, cv2.LINE_AA)
    return picture


def strip(report: Report, persons: Sequence[int], names: Sequence[str]) -> np.ndarray:
    """Persons as columns; a row of pictures for the truth and each system."""
    crops = [crop_of(report, index) for index in persons]
    nothing = np.zeros(report.truth.joints.shape[1:])
    lines = [('truth', [nothing] * len(persons))]
    for name in names:
        run = next(iter(report.done[name].values()))
        lines.append((name, [run.found.offset[index] for index in persons]))
    rows = []
    for name, offsets in lines:
        pictures = [draw_pose(crop, report.truth, index, offset)
                    for crop, index, offset in zip(crops, persons, offsets)]
        label = np.full((crops[0].shape[0], 120, 3), GREY, np.uint8)
        place = (5, crops[0].shape[0] // 2)
        cv2.putText(label, name, place, cv2.FONT_HERSHEY_SIMPLEX, 0.4, WHITE, 1, cv2.LINE_AA)
        rows.append(np.hstack([label, *pictures]))
    return np.vstack(rows)


def draw_people(report: Report, folder: Path) -> List[Tuple[str, Path]]:
    """Failures, gains and a clip side by side."""
    names = [name for name in SHOWN if report.done.get(name)]
    if len(names) < 2:
        return []
    first, last = (next(iter(report.done[name].values())).found for name in (names[0], names[-1]))
    annotated = report.truth.annotated
    wrong, before = ((~found.right & annotated).sum(1) for found in (last, first))
    pictures = []
    for title, file, cost in (
            (f'Where {names[-1]} fails most', 'failures.jpg', -wrong),
            (f'Where {names[-1]} gains most over {names[0]}', 'gains.jpg', wrong - before)):
        persons = _one_per_clip(report.truth, np.argsort(cost, kind='stable'))[:6]
        cv2.imwrite(str(folder / file), strip(report, persons, names), [cv2.IMWRITE_JPEG_QUALITY, 62])
        pictures.append((title, folder / file))
    pictures.append(('Consecutive frames side by side', draw_clip(report, folder, names, wrong, before)))
    return pictures


def _one_per_clip(truth: Truth, order: np.ndarray) -> List[int]:
    seen: Dict[int, int] = {}
    for index in order.tolist():
        seen.setdefault(int(truth.clip[index]), index)
    return list(seen.values())


def draw_clip(report: Report, folder: Path, names: Sequence[str], wrong: np.ndarray,
              before: np.ndarray) -> Path:
    """Consecutive frames of the two persons for whom the last row gains most over the first; also a video."""
    truth, tracks = report.truth, {}
    for i, key in enumerate(zip(truth.clip.tolist(), truth.person.tolist())):
        tracks.setdefault(key, []).append(i)
    longest = max(map(len, tracks.values()))
    whole_tracks = [track for track in tracks.values() if len(track) == longest]
    ranked = sorted(whole_tracks, key=lambda track: (wrong - before)[track].sum())[:2]
    picture = strip(report, [index for track in ranked for index in track], names)
    path = folder / 'side_by_side.jpg'
    cv2.imwrite(str(path), picture, [cv2.IMWRITE_JPEG_QUALITY, 62])
    height, width = picture.shape[0], 120
    video = cv2.VideoWriter(str(folder / 'side_by_side.mp4'), cv2.VideoWriter_fourcc(*'mp4v'), 3,
                            (width + INPUT[0] * ENLARGED, height))
    for i in range(len(ranked[0])):
        left = width + i * INPUT[0] * ENLARGED
        video.write(np.ascontiguousarray(
            np.hstack((picture[:, :width], picture[:, left:left + INPUT[0] * ENLARGED]))))
    video.release()
    return path
