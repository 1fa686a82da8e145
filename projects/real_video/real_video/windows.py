"""Windows of labelled video, cut once and kept in memory.

Shapes: N windows, T = 5 frames, K points, H, W crop, h, w heatmaps.
"""
from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional, Sequence, Tuple

import numpy as np
import torch
from torch import Tensor

from mmpose_gss.datasets.body.labelled_video_dataset import LabelledVideoDataset
from mmpose_gss.errors import UserError

from .settings import Settings

#: Clips of one speaker, where a data set does not say so itself: names of the lips of the TaL corpus, by eye.
SAME_SPEAKER = (('TalFile*', '051_aud*'), )


@dataclass
class Windows:
    """Cut windows.

    Attributes:
        images (Tensor): uint8 ``(N,T,3,H,W)``.
        heatmaps (Tensor): Targets of the key frame ``(N,K,h,w)``.
        weights (Tensor): 1 for labelled points, ``(N,K)``.
        points (ndarray): ``(N,K,2)`` pixels of the video; NaN where not labelled.
        to_video (ndarray): ``(N,2,2)``: scale and offset from crop to video.
        where (list[str]): The table's row of each window.
    """
    images: Tensor
    heatmaps: Tensor
    weights: Tensor
    points: np.ndarray
    to_video: np.ndarray
    where: List[str]

    def __len__(self) -> int:
        """Number of windows."""
        return len(self.images)


class Source:
    """A folder of labelled video.

    Args:
        folder (Path): With ``index.csv``; see ``docs/labelled_video.md``.
        cache (Path): Folder for decoded frames.
        settings (Settings): Sizes.
        same (Sequence[Sequence[str]]): Patterns of group names that are one speaker.

    Attributes:
        names (tuple[str]): K points.
        groups (list[str]): The speaker of every labelled frame.
    """

    def __init__(self, folder: Path, cache: Path, settings: Settings,
                 same: Sequence[Sequence[str]] = SAME_SPEAKER) -> None:
        self.settings = settings
        self.datasets = {augment: self._dataset(folder, cache, augment) for augment in (False, True)}
        plain = self.datasets[False]
        self.names = plain.table.names
        infos = [plain.get_data_info(i) for i in range(len(plain))]
        self.groups = [merged(info['raw_ann_info']['group'], same) for info in infos]
        self.scale = scale_points(plain.point_settings, self.names)

    def _dataset(self, folder: Path, cache: Path, augment: bool) -> LabelledVideoDataset:
        size, zoom = self.settings.input_size, 1.25
        steps: List[dict] = [dict(type='mmpose_gss.LoadClip', cache_size=0),
                             dict(type='mmpose.GetBBoxCenterScale', padding=1.0)]
        if augment:  # jittered boxes
            steps += [dict(type='mmpose_gss.RandomClipFlip', direction='horizontal', prob=0.5),
                      dict(type='mmpose.RandomBBoxTransform', shift_factor=0.08, shift_prob=1.0,
                           scale_factor=(1 / zoom, zoom), scale_prob=1.0, rotate_factor=20.0,
                           rotate_prob=0.6)]
        steps += [dict(type='mmpose.TopdownAffine', input_size=size),
                  dict(type='mmpose.GenerateTarget', encoder=self.settings.codec),
                  dict(type='mmpose_gss.PackClipInputs')]
        return LabelledVideoDataset(data_root=str(folder), frame_cache=str(cache), pipeline=steps,
                                    frame_offsets=self.settings.offsets)

    def rows(self, groups: Sequence[str]) -> List[int]:
        """Indices of the labelled frames of some speakers."""
        chosen = set(groups)
        return [i for i, group in enumerate(self.groups) if group in chosen]

    def cut(self, rows: Sequence[int], copies: int = 0, seed: int = 0) -> Windows:
        """Cut windows around labelled frames.

        Args:
            rows (Sequence[int]): The frames.
            copies (int): Copies under random flips, shifts, scales and turns; 0 is one without.
            seed (int): Of the randomness.
        """
        np.random.seed(seed)
        dataset = self.datasets[copies > 0]
        packed = [dataset[i] for _ in range(max(1, copies)) for i in rows]
        samples = [item['data_samples'] for item in packed]
        joints = np.array([sample.raw_ann_info['keypoints'] for sample in samples])
        joints = joints.reshape(len(samples), -1, 3)
        centre = np.array([sample.input_center for sample in samples], dtype=float).reshape(-1, 2)
        extent = np.array([sample.input_scale for sample in samples], dtype=float).reshape(-1, 2)
        return Windows(
            torch.stack([item['inputs'] for item in packed]),
            torch.stack([sample.gt_fields.heatmaps for sample in samples]).float(),
            torch.cat([sample.gt_instance_labels.keypoint_weights for sample in samples]).float(),
            np.where(joints[..., 2:] > 0, joints[..., :2], np.nan),
            np.stack((extent / self.settings.input_size, centre - extent / 2), axis=1),
            [sample.raw_ann_info['where'] for sample in samples])


def merged(group: str, same: Sequence[Sequence[str]]) -> str:
    """The name of a speaker: the first pattern of those that a group's name fits, or the name itself."""
    for patterns in same:
        if any(fnmatch.fnmatchcase(group, pattern) for pattern in patterns):
            return patterns[0]
    return group


def scale_points(settings: dict, names: Sequence[str],
                 wanted: Optional[Sequence[str]] = None) -> Optional[Tuple[int, int]]:
    """The two points whose distance is the unit of errors: asked for, of ``points.json``, or the lips'
    corners.

    Raises:
        UserError: If one that was asked for is no point.
    """
    pair = list(wanted or settings.get('scale') or [])
    if not pair and {'leftLip', 'rightLip'} <= set(names):
        pair = ['leftLip', 'rightLip']
    for name in pair:
        if name not in names:
            raise UserError(f'--scale names {name!r}, which is none of the points ({", ".join(names)})')
    return (list(names).index(pair[0]), list(names).index(pair[1])) if pair else None
