"""PCK of Sub-JHMDB, one split or the mean of the three: the share of joints found by box or torso size.

The rules and the float32 rounding are those of MMPose's ``JhmdbPCKAccuracy``
(mmpose/evaluation/metrics/keypoint_2d_metrics.py), so that figures are the same to the last digit.

Shapes: N people, K = 15 joints.
"""
from __future__ import annotations

import json
import os
from typing import Dict, FrozenSet, List, Optional, Sequence, Union

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger

from mmpose_gss.errors import UserError
from mmpose_gss.registry import METRICS
from mmpose_gss.structures.json_file import read_json
from mmpose_gss.structures.skeletons import JHMDB, JHMDB_GROUPS
from mmpose_gss.structures.whole_file import whole_file

NUM_SPLITS = 3
# What the figure of each norm is called.
FIGURES = {'bbox': 'PCK', 'torso': 'tPCK'}


def box_sizes(boxes: np.ndarray) -> np.ndarray:
    """Give the longer side of boxes.

    Args:
        boxes (ndarray): x1, y1, x2, y2 in pixels, ``(N, 4)``.

    Returns:
        ndarray: Pixels, ``(N,)``.
    """
    return (boxes[:, 2:] - boxes[:, :2]).max(axis=1)


def torso_sizes(gt: np.ndarray, pred: np.ndarray) -> np.ndarray:
    """Give the distance from left shoulder to right hip; the predicted one where the true one is under 1 px.

    Args:
        gt (ndarray): Annotated joints in pixels, ``(N, K, 2)``.
        pred (ndarray): Predicted joints in pixels, ``(N, K, 2)``.

    Returns:
        ndarray: Pixels, ``(N,)``.
    """
    shoulder, hip = JHMDB.index('left_shoulder'), JHMDB.index('right_hip')
    true, found = (np.linalg.norm(joints[:, shoulder] - joints[:, hip], axis=-1) for joints in (gt, pred))
    return np.where(true < 1, found, true)


def joint_pck(pred: np.ndarray, gt: np.ndarray, visible: np.ndarray, size: np.ndarray,
              thr: float) -> np.ndarray:
    """Compute the part of each joint's occurrences nearer than ``thr`` sizes.

    Args:
        pred (ndarray): Pixels, ``(N, K, 2)``.
        gt (ndarray): Pixels, ``(N, K, 2)``.
        visible (ndarray): Annotated joints, bool ``(N, K)``; others do not count.
        size (ndarray): Pixels, ``(N,)``; people without size do not count.
        thr (float): Limit in sizes, itself not included.

    Returns:
        ndarray: In [0, 1], ``(K,)`` float64; NaN for a joint that never counts.
    """
    counts = visible & (size != 0)[:, None]
    unit = np.where(size > 0, size, 1e6)[:, None, None]
    gap = np.linalg.norm((pred - gt) / unit, axis=-1).astype(np.float32)
    found = (counts & (gap < thr)).sum(axis=0)
    total = counts.sum(axis=0)
    return np.where(total > 0, found / np.maximum(total, 1), np.nan)


def pck_groups(per_joint: np.ndarray, name: str) -> Dict[str, float]:
    """Take the means of the joint groups and of all joints.

    Args:
        per_joint (ndarray): Figures of the joints, ``(K,)``.
        name (str): What the figure is called, ``'PCK'`` or ``'tPCK'``.

    Returns:
        dict[str, float]: ``'Head PCK'`` and so on, and ``'PCK'``, as MMPose names them.
    """
    groups = {}
    for group, joints in JHMDB_GROUPS.items():
        groups[f'{group} {name}'] = _mean(per_joint[[JHMDB.index(joint) for joint in joints]])
    groups[name] = _mean(per_joint)
    return groups


def mean_of_splits(splits: Sequence[Dict[str, float]]) -> Dict[str, float]:
    """Take the mean of each figure over the splits, all of which must have it."""
    return {name: float(np.mean([split[name] for split in splits])) for name in splits[0]}


def _mean(values: np.ndarray) -> float:
    values = values[~np.isnan(values)]
    return float(values.mean()) if values.size else float('nan')


@METRICS.register_module()
class JHMDBPCKMetric(BaseMetric):
    """PCK@0.2 by box (``PCK``) and by torso (``tPCK``), per joint group, in [0, 1].

    The figures are those of MMPose's ``JhmdbPCKAccuracy``. Published ones are the mean over three splits,
    each with a model of its own: give the three runs ``split`` and the same ``summary_file``, and the last
    one reports the mean. To test one model on all splits at once, evaluate the union of the test sets and
    name them in ``split_files``.

    Args:
        thr (float): Limit in sizes, itself not included. Defaults to 0.2.
        norm_item (str | Sequence[str]): ``'bbox'``, the longer side of the box, ``'torso'``, left shoulder to
            right hip, or both. Defaults to both.
        split (int, optional): Split of this run, 1 to 3.
        summary_file (str, optional): JSON file in which the runs of the splits meet. Needs ``split``.
        split_files (Sequence[str], optional): COCO-style test files of the three splits; a sample counts
            for every split that lists its image.
        collect_device (str): As in MMEngine. Defaults to ``'cpu'``.
        prefix (str, optional): Prefix of the names. Defaults to ``'jhmdb'``.

    Raises:
        UserError: If an argument is unusable.
    """
    default_prefix: Optional[str] = 'jhmdb'

    def __init__(self,
                 thr: float = 0.2,
                 norm_item: Union[str, Sequence[str]] = ('bbox', 'torso'),
                 split: Optional[int] = None,
                 summary_file: Optional[str] = None,
                 split_files: Optional[Sequence[str]] = None,
                 collect_device: str = 'cpu',
                 prefix: Optional[str] = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        norm_item = (norm_item, ) if isinstance(norm_item, str) else tuple(norm_item)
        if not norm_item or set(norm_item) - set(FIGURES):
            raise UserError(f'JHMDBPCKMetric got norm_item={norm_item}; name "bbox", "torso" or both.')
        if split is not None and split not in range(1, NUM_SPLITS + 1):
            raise UserError(f'JHMDBPCKMetric got split={split}; Sub-JHMDB has the splits 1, 2 and 3.')
        if summary_file and split is None:
            raise UserError('JHMDBPCKMetric got summary_file without split; say which split this run is.')
        if split_files and split is not None:
            raise UserError('JHMDBPCKMetric got both split and split_files; give one of them.')
        self.thr, self.norm_item = thr, norm_item
        self.split, self.summary_file = split, summary_file
        self.split_images = [_image_ids(path) for path in split_files or ()]

    def process(self, data_batch: Sequence[dict], data_samples: Sequence[dict]) -> None:
        """Keep joints and sizes of a batch.

        Args:
            data_batch (Sequence[dict]): Not used.
            data_samples (Sequence[dict]): Data samples as dicts with ``pred_instances.keypoints`` (N, 15, 2)
                and ``gt_instances`` ``keypoints``, ``keypoints_visible`` (N, 15[, 1]) and ``bboxes`` (N, 4).
        """
        for sample in data_samples:
            gt = sample['gt_instances']
            pred_joints = np.asarray(sample['pred_instances']['keypoints'])
            gt_joints = np.asarray(gt['keypoints'])
            if pred_joints.shape != gt_joints.shape or gt_joints.shape[1:] != (JHMDB.num_joints, 2):
                raise UserError(f'JHMDBPCKMetric got keypoints of shape {pred_joints.shape} for '
                                f'{gt_joints.shape} annotated ones, but JHMDB has 15 joints; use a model of '
                                'this data set.')
            visible = np.asarray(gt['keypoints_visible'])
            result = {'pred': pred_joints, 'gt': gt_joints, 'img_id': sample.get('img_id'),
                      'visible': visible.reshape(len(gt_joints), JHMDB.num_joints, -1)[..., 0].astype(bool)}
            if 'bbox' in self.norm_item:
                if 'bboxes' not in gt:
                    raise UserError('JHMDBPCKMetric with norm_item "bbox" got a sample without '
                                    'gt_instances.bboxes; let the dataset give "bbox".')
                result['bbox'] = box_sizes(np.asarray(gt['bboxes']))
            if 'torso' in self.norm_item:
                result['torso'] = torso_sizes(gt_joints, pred_joints)
            self.results.append(result)

    def compute_metrics(self, results: List[dict]) -> Dict[str, float]:
        """Compute the figures of all samples.

        Args:
            results (list): What ``process`` kept, of all processes.

        Returns:
            dict: ``PCK``, ``Head PCK``, ``Sho PCK``, ``Elb PCK``, ``Wri PCK``, ``Hip PCK``, ``Knee PCK``,
            ``Ank PCK`` and the same with ``tPCK``. With ``split_files`` these are means of the splits and
            ``split1 PCK`` ... stand beside them; with ``summary_file`` and all splits evaluated,
            ``mean PCK`` ... do.
        """
        if self.split_images:
            return self._all_splits(results)
        figures = self._figures(results)
        if self.summary_file:
            figures.update(self._meet(figures))
        return figures

    def _figures(self, results: Sequence[dict]) -> Dict[str, float]:
        pred, gt, visible = (np.concatenate([result[key] for result in results])
                             for key in ('pred', 'gt', 'visible'))
        figures = {}
        for item in self.norm_item:
            size = np.concatenate([result[item] for result in results])
            figures.update(pck_groups(joint_pck(pred, gt, visible, size, self.thr), FIGURES[item]))
        return figures

    def _all_splits(self, results: Sequence[dict]) -> Dict[str, float]:
        splits = []
        for number, images in enumerate(self.split_images, 1):
            members = [result for result in results if result['img_id'] in images]
            if not members:
                raise UserError(f'JHMDBPCKMetric: no sample is in split {number}; evaluate the union of the '
                                'test sets named in split_files.')
            splits.append(self._figures(members))
        figures = mean_of_splits(splits)
        for number, split in enumerate(splits, 1):
            figures.update({f'split{number} {name}': value for name, value in split.items()})
        return figures

    def _meet(self, figures: Dict[str, float]) -> Dict[str, float]:
        """Add this split to the file of all; the means, if it is complete."""
        known = {}
        if os.path.isfile(self.summary_file):
            known = read_json(self.summary_file)
        known[f'split{self.split}'] = figures
        splits = [known.get(f'split{number}') for number in range(1, NUM_SPLITS + 1)]
        logger = MMLogger.get_current_instance()
        missing = [str(number) for number, split in enumerate(splits, 1) if split is None]
        means: Dict[str, float] = {}
        if missing:
            logger.info(f'JHMDB: split {self.split} is noted in {self.summary_file}; the mean waits for '
                        f'split {" and ".join(missing)}.')
        else:
            means = {f'mean {name}': value for name, value in mean_of_splits(splits).items()}
            known['mean'] = mean_of_splits(splits)
        with whole_file(self.summary_file) as file:
            json.dump(known, file, indent=1)
        return means


def _image_ids(path: str) -> FrozenSet[int]:
    if not os.path.isfile(path):
        raise UserError(f'JHMDBPCKMetric: split file "{path}" is missing; convert the splits first.')
    with open(path, encoding='utf-8') as file:
        return frozenset(image['id'] for image in json.load(file)['images'])
