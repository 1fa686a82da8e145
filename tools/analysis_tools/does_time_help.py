#!/usr/bin/env python
"""Does a trained multi-frame model use the other frames, and do they help?

    python tools/analysis_tools/does_time_help.py CONFIG CHECKPOINT [--out FILE.json] [--limit N]

The same checkpoint runs on true windows and on windows whose other frames are

    repeated   the key frame again, so that there is nothing to be seen in them
    shuffled   in random order
    reversed   in reversed order
    foreign    those of a person in another clip

For each it prints how much the heatmaps change and the AP of all joints and of hidden, blurred, fast and
crossing ones, where the annotations tell, with the difference from true windows and its 95 % interval (clips
drawn again with replacement). Data: the config's test set with annotated boxes. If `repeated` is within its
interval, time does not help this checkpoint; if the heatmaps hardly change either, it does not look.
"""
from __future__ import annotations

import argparse
import copy
from collections import defaultdict
from pathlib import Path
from typing import Dict, List, Optional, Sequence

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS, MODELS
from torch import Tensor, nn

import mmpose_gss.models  # noqa: F401
from mmpose_gss.engine.checkpoint import load_checkpoint
from mmpose_gss.engine.cli import run_command
from mmpose_gss.engine.config import load_config
from mmpose_gss.errors import UserError
from mmpose_gss.evaluation.joint_groups import (
    JointTruth,
    clip_weights,
    group_ap,
    track_speed,
    with_interval,
)
from mmpose_gss.structures.json_file import write_json

WINDOWS = ('true', 'repeated', 'shuffled', 'reversed', 'foreign')
#: Where there is no head box (Sub-JHMDB), half a head size is 0.2 of the box's longer side, its PCK.
BOX_SHARE = 0.4


def parse_args(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config file, or the base name of a shipped one')
    parser.add_argument('checkpoint', help='checkpoint trained with it')
    parser.add_argument('--out', type=Path, help='JSON file for all figures')
    parser.add_argument('--limit', type=int, help='look at this many people, evenly spread (default: all)')
    parser.add_argument('--batch-size', type=int, default=8)
    parser.add_argument('--draws', type=int, default=400, help='of the bootstrap over clips')
    parser.add_argument('--seed', type=int, default=0, help='of orders, foreign frames and the bootstrap')
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    return parser.parse_args(argv)


def altered(window: Tensor, key_index: int, foreign: Tensor, rng: np.random.Generator) -> Dict[str, Tensor]:
    """The window with other frames beside its key frame, by name of :data:`WINDOWS`.

    Args:
        window (Tensor): ``(T,3,H,W)``.
        key_index (int): Position of the key frame, which stays.
        foreign (Tensor): A window of another clip, ``(T,3,H,W)``.
        rng (np.random.Generator): For the order; it differs from the true one where there are two others.
    """
    others = [i for i in range(len(window)) if i != key_index]

    def with_others(frames: Tensor) -> Tensor:
        out = window.clone()
        out[others] = frames
        return out
    order = list(rng.permutation(len(others)))
    while len(order) > 1 and order == sorted(order):
        order = list(rng.permutation(len(order)))
    return dict(
        true=window, repeated=window[key_index:key_index + 1].expand_as(window).clone(),
        shuffled=with_others(window[others][order]), reversed=with_others(window[others].flip(0)),
        foreign=with_others(foreign[others]))


def foreign_samples(clips: Sequence[int], rng: np.random.Generator) -> List[int]:
    """For each sample one of another clip.

    Raises:
        UserError: If there is one clip only.
    """
    clips = np.asarray(clips)
    if len(np.unique(clips)) < 2:
        raise UserError('the test set has one clip only, but frames of another clip are needed; give '
                        'test_dataloader.dataset.ann_file with two or more')
    return [int(rng.choice(np.flatnonzero(clips != clip))) for clip in clips]


class Collector:
    """Predictions and truth of all people."""

    def __init__(self) -> None:
        self.keypoints, self.scores = defaultdict(list), defaultdict(list)
        self.changes, self.truth = defaultdict(list), defaultdict(list)

    def add_truth(self, sample, info: dict) -> None:
        """Keep what is annotated of a person.

        Args:
            sample (PoseDataSample): With ``gt_instances`` and ``raw_ann_info``.
            info (dict): The data set's entry.
        """
        found, raw = sample.gt_instances, sample.metainfo.get('raw_ann_info') or {}
        keypoints = np.asarray(found.keypoints[0], dtype=np.float64)[:, :2]
        annotated = np.asarray(found.keypoints_visible[0]).reshape(len(keypoints), -1)[:, 0] > 0
        head, box = raw.get('bbox_head'), found.bboxes[0]
        size = 0.6 * np.hypot(*head[2:]) if head is not None and any(head[2:]) else \
            BOX_SHARE * max(box[2] - box[0], box[3] - box[1])
        for name, value in dict(keypoints=keypoints, annotated=annotated, head_size=size,
                                clip=info['clip_index'], track=raw.get('track_id'),
                                frame=info['frame_position']).items():
            self.truth[name].append(value)
        for name in ('occluded', 'blur', 'speed', 'crossing'):
            self.truth[name].append(in_joint_order(raw, name, keypoints, annotated))

    def add(self, name: str, results: Sequence, true_heatmaps: Sequence[Tensor]) -> List[Tensor]:
        """Keep the predictions of a batch under the name of its windows and return its heatmaps."""
        heatmaps = [result.pred_fields.heatmaps for result in results]
        for i, result in enumerate(results):
            self.keypoints[name].append(result.pred_instances.keypoints[0])
            self.scores[name].append(result.pred_instances.keypoint_scores[0])
            true = true_heatmaps[i] if true_heatmaps else heatmaps[i]
            self.changes[name].append(float((heatmaps[i] - true).norm() / true.norm().clamp(min=1e-12)))
        return heatmaps

    def joint_truth(self) -> JointTruth:
        """Put together what was kept of the annotations."""
        def array(name):
            values = self.truth[name]
            return None if any(value is None for value in values) else np.stack(values)
        keypoints, annotated = np.stack(self.truth['keypoints']), np.stack(self.truth['annotated'])
        speed = array('speed')
        if speed is None:
            speed = track_speed(keypoints, annotated, self.truth['clip'], self.truth['track'],
                                self.truth['frame'])
            speed = speed if np.isfinite(speed).any() else None
        hidden, crossing = array('occluded'), array('crossing')
        return JointTruth(
            keypoints, annotated, np.array(self.truth['head_size'], dtype=np.float64),
            np.array(self.truth['clip']), None if hidden is None else hidden > 0, array('blur'), speed,
            None if crossing is None else crossing > 0)


def in_joint_order(raw: dict, name: str, keypoints: np.ndarray,
                   annotated: np.ndarray) -> Optional[np.ndarray]:
    """An annotation's list with one entry per joint, or None if it is missing or in another order."""
    values, points = raw.get(name), np.asarray(raw.get('keypoints', ()), dtype=np.float64)
    if values is None or len(values) != len(keypoints) or points.size != 3 * len(keypoints):
        return None
    shift = points.reshape(-1, 3)[annotated, :2] - keypoints[annotated]
    same = not len(shift) or np.abs(shift - shift[0]).max() < 0.01
    return np.asarray(values, dtype=np.float64) if same else None


@torch.no_grad()
def predict(model: nn.Module, dataset, chosen: Sequence[int], batch_size: int, seed: int) -> Collector:
    """Run the model on all kinds of windows of the chosen samples."""
    rng, out = np.random.default_rng(seed), Collector()
    infos = [dataset.get_data_info(i) for i in chosen]
    foreign = foreign_samples([info['clip_index'] for info in infos], rng)
    for start in range(0, len(chosen), batch_size):
        rows = range(start, min(start + batch_size, len(chosen)))
        items = [dataset[chosen[i]] for i in rows]
        windows = defaultdict(list)
        for i, item in zip(rows, items):
            out.add_truth(item['data_samples'], infos[i])
            key_index = item['data_samples'].metainfo['key_index']
            other = dataset[chosen[foreign[i]]]['inputs']
            for name, window in altered(item['inputs'], key_index, other, rng).items():
                windows[name].append(window)
        true_heatmaps: List[Tensor] = []
        for name in WINDOWS:
            batch = pseudo_collate([dict(inputs=window, data_samples=copy.deepcopy(item['data_samples']))
                                    for window, item in zip(windows[name], items)])
            heatmaps = out.add(name, model.test_step(batch), true_heatmaps)
            true_heatmaps = true_heatmaps or heatmaps
    return out


def figures(found: Collector, draws: int, seed: int) -> Dict:
    """Change of heatmaps and AP by group for all kinds of windows.

    Returns:
        dict: ``joints`` by group, and for every kind ``heatmap_change`` (mean relative norm), ``AP`` and,
        against true windows, ``difference``, both by group as ``[value, low, high]``, None where
        there is no such joint.
    """
    truth = found.joint_truth()
    groups, weight = truth.groups(), clip_weights(truth.clip, draws, seed)
    ap = {}
    for name in WINDOWS:
        score, right = np.stack(found.scores[name]), truth.right(np.stack(found.keypoints[name]))
        ap[name] = {group: group_ap(score, right, mask, weight) for group, mask in groups.items()}
    return dict(
        people=len(truth.clip), clips=len(np.unique(truth.clip)),
        joints={group: int(mask.sum()) for group, mask in groups.items()},
        windows={name: dict(
            heatmap_change=float(np.mean(found.changes[name])),
            AP={group: with_interval(ap[name][group]) for group in groups},
            difference={group: with_interval(ap[name][group] - ap['true'][group]) for group in groups})
            for name in WINDOWS})


def written(values: Sequence[Optional[float]]) -> str:
    """Write an AP, or a difference with its interval; a group that has no joint has none."""
    if None in values:
        return '–'
    return f'{values[0]:.1f}' if len(values) == 1 else '{:+.1f} [{:+.1f}, {:+.1f}]'.format(*values)


def table(result: Dict) -> str:
    """Write the figures as a Markdown table."""
    groups = list(result['joints'])
    lines = ['| other frames | heatmaps change | ' + ' | '.join(
        f'{group} ({result["joints"][group]})' for group in groups) + ' |', '|---' * (len(groups) + 2) + '|']
    for name, row in result['windows'].items():
        cells = [written(row['AP'][group][:1] if name == 'true' else row['difference'][group])
                 for group in groups]
        lines.append(f'| {name} | {100 * row["heatmap_change"]:.2f} % | ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines)


def verdict(result: Dict) -> str:
    """Say in one sentence what the repeated key frame has shown."""
    change = 100 * result['windows']['repeated']['heatmap_change']
    value, low, high = result['windows']['repeated']['difference']['all']
    seen = (f'without the other frames heatmaps change by {change:.2f} % and AP by {value:+.1f} '
            f'[{low:+.1f}, {high:+.1f}]')
    if high < 0:
        return f'Time helps: {seen}.'
    if low > 0:
        return f'Time hurts: {seen}.'
    return f'Time makes no difference that this test set can show: {seen}.'


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Command line."""
    args = parse_args(argv)
    cfg = load_config(args.config)
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    cfg.test_dataloader.dataset.pop('bbox_file', None)
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    if len(dataset) == 0:
        raise UserError('the test set is empty; give test_dataloader.dataset.ann_file with annotated people')
    model = MODELS.build(cfg.model)
    load_checkpoint(model, args.checkpoint, args.config)
    model.test_cfg = dict(model.test_cfg or {}, output_heatmaps=True)
    count = min(args.limit or len(dataset), len(dataset))
    chosen = np.unique(np.linspace(0, len(dataset) - 1, count).astype(int)).tolist()
    found = predict(model.to(args.device).eval(), dataset, chosen, args.batch_size, args.seed)
    result = figures(found, args.draws, args.seed)
    print(f'{args.config}: {result["people"]} people of {result["clips"]} clips; AP of joints (how many), '
          'then the difference and its 95 % interval\n')
    print(table(result) + '\n\n' + verdict(result))
    if args.out:
        write_json(args.out, dict(config=args.config, checkpoint=str(args.checkpoint), **result))


if __name__ == '__main__':
    run_command(main)
