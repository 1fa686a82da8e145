"""What a row of the benchmark runs on cached features: a neck and a head.

Shapes: B windows, T frames of a row, C channels, K joints, h, w the encoder's map.
"""
from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.structures import PoseDataSample
from torch import Tensor, nn

from mmpose_gss.models.clip_features import ClipFeatures
from mmpose_gss.registry import MODELS
from mmpose_gss.structures.clip_window import ClipWindow
from window_benchmark import encoder as encoders
from window_benchmark.files import digest


@dataclass(frozen=True)
class Row:
    """One row of the table.

    Attributes:
        title (str): What the report calls it.
        frames (int): T, the middle frames of the cached window.
        neck (dict, optional): Config of a neck; without one the head sees the key frame's own features.
        head (dict): Config of the head, by default the encoder's 3x3 convolution.
        warm_head (bool): Whether the head starts from the encoder's own, which needs the same shape.
        train (bool): Whether anything is trained.
        smooth (dict, optional): ``kind`` ``'gaussian'`` with ``sigma`` in frames, or ``'savgol'`` with
            ``order``: poses of all T frames, smoothed in time.
        lr (float): Highest learning rate of AdamW.
        head_lr (float): Factor of the rate for the head's last layer: it starts from weights of 0.004, which
            the neck's rate would undo.
        iterations (int): Batches.
        batch_size (int): Windows per batch.
        versus (tuple[str, ...]): Rows that the report takes differences to.
    """
    title: str
    frames: int = 1
    neck: Optional[dict] = field(default=None, hash=False)
    head: dict = field(default_factory=encoders.head_config, hash=False)
    warm_head: bool = True
    train: bool = True
    smooth: Optional[dict] = field(default=None, hash=False)
    lr: float = 2e-3
    head_lr: float = 0.3
    iterations: int = 366
    batch_size: int = 8
    versus: Tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Changes whenever the row would compute something else."""
        return digest({key: value for key, value in asdict(self).items() if key not in ('title', 'versus')})


class System(nn.Module):
    """A row's neck and head.

    Args:
        row (Row): The row.
        encoder_path (Path): Weights of the encoder's own head.
    """

    def __init__(self, row: Row, encoder_path: Path) -> None:
        super().__init__()
        self.frames = row.frames
        self.clip_window = ClipWindow.centred(row.frames)
        self.neck = None if row.neck is None else MODELS.build(row.neck)
        self.head = MODELS.build(row.head)
        if self.neck is not None:
            self.neck.init_weights()
        self.head.init_weights()
        if row.warm_head:
            encoders.load_head(encoder_path, self.head)

    def features(self, feats: Tensor) -> ClipFeatures:
        """The row's frames of a cached window ``(B,T',C,h,w)``."""
        first = (feats.shape[1] - self.frames) // 2
        return ClipFeatures([feats[:, first:first + self.frames]], None, self.clip_window)

    def forward(self, feats: Tensor) -> Tensor:
        """Heatmaps ``(B,K,h,w)`` of the key frames of cached windows ``(B,T',C,h,w)``."""
        clip = self.features(feats)
        maps = (clip.maps[-1][:, self.frames // 2], ) if self.neck is None else self.neck(clip)
        return self.head(maps)

    def losses(self, feats: Tensor, heatmaps: Tensor, weights: Tensor) -> Dict[str, Tensor]:
        """All parts of the training loss.

        Args:
            feats (Tensor): ``(B,T',C,h,w)``.
            heatmaps (Tensor): Targets ``(B,K,h,w)``.
            weights (Tensor): ``(B,K)``.
        """
        clip, parts = self.features(feats), {}
        maps: Sequence[Tensor] = (clip.maps[-1][:, self.frames // 2], )
        if self.neck is not None:
            maps, parts = self.neck.loss(clip, data_samples(heatmaps, weights))
        return dict(loss_kpt=self.head.loss_module(self.head(tuple(maps)), heatmaps, weights), **parts)


def data_samples(heatmaps: Tensor, weights: Tensor) -> List[PoseDataSample]:
    """Targets of a batch in the form that a neck's loss reads."""
    samples = []
    for maps, weight in zip(heatmaps, weights):
        sample = PoseDataSample()
        sample.gt_fields = PixelData(heatmaps=maps)
        sample.gt_instance_labels = InstanceData(keypoint_weights=weight[None])
        samples.append(sample)
    return samples


def build_system(row: Row, encoder_path: Path, seed: int) -> System:
    """An untrained system; the same seed gives the same weights."""
    torch.manual_seed(seed)
    return System(row, encoder_path)
