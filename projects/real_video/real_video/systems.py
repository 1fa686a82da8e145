"""The systems that are compared: necks and heads on the features of one frozen encoder.

Shapes: B windows, T frames, C channels, K points, h, w map.
"""
from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple

import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.models.losses import KeypointMSELoss
from mmpose.structures import PoseDataSample
from torch import Tensor, nn

from mmpose_gss.models.clip_features import ClipFeatures
from mmpose_gss.registry import MODELS
from mmpose_gss.structures.clip_window import ClipWindow

from .encoder import batches, head_config, warm_cosine
from .settings import CHANNELS, Settings
from .windows import Windows

#: PyTorch's own initialisation shrinks the signal in every layer, so that short trainings hardly start.
CONCAT_INIT = dict(type='Kaiming', layer='Conv2d', mode='fan_in',
                   override=dict(type='Constant', name='expand', val=0.))


@dataclass(frozen=True)
class Row:
    """One system.

    Attributes:
        title (str): What the report calls it.
        frames (int): T, the middle frames of the window.
        neck (dict, optional): Its config; without one the head sees the key frame's own features.
        train (bool): Whether anything is trained beside the encoder.
    """
    title: str
    frames: int = 1
    neck: Optional[dict] = None
    train: bool = True


def table(num_points: int) -> Dict[str, Row]:
    """All systems by name, in the report's order."""
    def concat(frames: int) -> dict:
        return dict(type='mmpose_gss.ConcatConvNeck', in_channels=CHANNELS, embed_dims=CHANNELS,
                    num_frames=frames, init_cfg=CONCAT_INIT)

    def glsmamba(frames: int) -> dict:
        return dict(type='mmpose_gss.GLSMambaNeck', in_channels=CHANNELS, embed_dims=48, num_frames=frames,
                    readout='window', skip='window', token_stride=2, num_global=1, num_local=1,
                    scan=dict(d_state=4, dt_rank=4), ffn_ratio=2.)

    sdtc = dict(type='mmpose_gss.SDTCNeck', in_channels=CHANNELS, embed_dims=48, num_frames=5, token_stride=2,
                motion=dict(type='mlsme', num_heads=1, num_joint=1, num_divided=1, ffn_ratio=2.,
                            mask_patch=2),
                mutual=dict(context_norm=True), skip='window',
                reconstruction=dict(num_keypoints=num_points, num_heads=1))
    return {
        'single': Row("single frame, the encoder's own head", train=False),
        'single-retrained': Row('single frame, head retrained'),
        'concat-1': Row('ConcatConv, T = 1', 1, concat(1)),
        'concat-5': Row('ConcatConv, T = 5', 5, concat(5)),
        'glsmamba-1': Row('GLSMamba, T = 1', 1, glsmamba(1)),
        'glsmamba-5': Row('GLSMamba, T = 5', 5, glsmamba(5)),
        'sdtc-5': Row('SDTC, T = 5', 5, sdtc),
    }


class System(nn.Module):
    """A neck and a head; the head starts as the encoder's where it fits.

    Args:
        row (Row): The system.
        head (nn.Module): The encoder's head.
        num_points (int): K.
        settings (Settings): For the codec.
    """

    def __init__(self, row: Row, head: nn.Module, num_points: int, settings: Settings) -> None:
        super().__init__()
        self.frames = row.frames
        self.window = ClipWindow(tuple(range(-(row.frames // 2), row.frames // 2 + 1)))
        self.neck = MODELS.build(copy.deepcopy(row.neck)) if row.neck else None
        if self.neck is not None:
            self.neck.init_weights()
        self.head, self.warm = self._head(head, num_points, settings)

    def _head(self, own: nn.Module, num_points: int, settings: Settings) -> Tuple[nn.Module, bool]:
        """A copy of the encoder's head, or a new one where the neck gives other channels or a smaller map."""
        width, height = settings.heatmap_size
        maps = torch.zeros(1, 5, CHANNELS, height, width)
        with torch.no_grad():
            out = self.maps(maps)[-1]
        config = head_config(num_points, settings)
        if out.shape[1] == CHANNELS and out.shape[-2:] == maps.shape[-2:]:
            return copy.deepcopy(own).requires_grad_(True), True
        config['in_channels'] = out.shape[1]
        if out.shape[-1] * 2 == width:
            config.update(deconv_out_channels=(CHANNELS, ), deconv_kernel_sizes=(4, ))
        head = MODELS.build(config)
        head.init_weights()
        return head, False

    def _clip(self, feats: Tensor) -> ClipFeatures:
        first = (feats.shape[1] - self.frames) // 2
        return ClipFeatures([feats[:, first:first + self.frames]], None, self.window)

    def maps(self, feats: Tensor) -> Sequence[Tensor]:
        """What the head sees of features ``(B,5,C,h,w)``."""
        clip = self._clip(feats)
        return (clip.maps[-1][:, self.frames // 2], ) if self.neck is None else self.neck(clip)

    def forward(self, feats: Tensor) -> Tensor:
        """Heatmaps ``(B,K,h,w)``."""
        return self.head(tuple(self.maps(feats)))

    def loss(self, feats: Tensor, heatmaps: Tensor, weights: Tensor) -> Tensor:
        """Training loss of a batch, with the neck's own losses."""
        parts: Dict[str, Tensor] = {}
        if self.neck is None:
            maps = self.maps(feats)
        else:
            maps, parts = self.neck.loss(self._clip(feats), data_samples(heatmaps, weights))
        criterion = KeypointMSELoss(use_target_weight=True)
        return sum(parts.values(), start=criterion(self.head(tuple(maps)), heatmaps, weights))


def data_samples(heatmaps: Tensor, weights: Tensor) -> List[PoseDataSample]:
    """Targets of a batch in the form that a neck's loss reads."""
    samples = []
    for maps, weight in zip(heatmaps, weights):
        sample = PoseDataSample()
        sample.gt_fields = PixelData(heatmaps=maps)
        sample.gt_instance_labels = InstanceData(keypoint_weights=weight[None])
        samples.append(sample)
    return samples


def train_system(row: Row, head: nn.Module, feats: Tensor, windows: Windows, settings: Settings,
                 seed: int) -> System:
    """Train a system on cached features; order and weights depend on the seed alone."""
    torch.manual_seed(seed)
    system = System(row, head, windows.heatmaps.shape[1], settings)
    if not row.train:
        return system.eval()
    system.train()
    decayed: List[nn.Parameter] = []
    plain: List[nn.Parameter] = []
    own = [] if system.neck is None else list(system.neck.parameters())
    for parameter in own:
        keep = parameter.dim() < 2 or getattr(parameter, '_no_weight_decay', False)
        (plain if keep else decayed).append(parameter)
    factor = settings.head_lr if system.warm else 1.0
    groups = [dict(params=decayed, weight_decay=0.01), dict(params=plain, weight_decay=0.0),
              dict(params=list(system.head.parameters()), weight_decay=0.01, lr=factor * settings.lr)]
    optimizer = torch.optim.AdamW([group for group in groups if group['params']], lr=settings.lr)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, warm_cosine(settings.iterations))
    for index in batches(len(windows), settings.batch, settings.iterations, seed):
        loss = system.loss(feats[index], windows.heatmaps[index], windows.weights[index])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(system.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return system.eval()


@torch.no_grad()
def heatmaps_of(system: System, feats: Tensor, batch: int = 16) -> Tensor:
    """Heatmaps ``(N,K,h,w)`` of all windows."""
    return torch.cat([system(part) for part in feats.split(batch)])
