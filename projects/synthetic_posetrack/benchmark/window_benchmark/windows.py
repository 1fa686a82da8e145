"""Clips, the windows cut out of them, and their features under the frozen encoder, kept on the disk.

Shapes: N windows, T = 7 frames, C channels, h, w the encoder's map, H, W crop, K joints.
"""
from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, List, Sequence, Tuple

import numpy as np
import torch
from torch import Tensor, nn

from mmpose_gss.models.clip_data_preprocessor import ClipDataPreprocessor
from mmpose_gss.registry import DATASETS
from window_benchmark.files import whole
from window_benchmark.settings import CODEC, INPUT, NUM_JOINTS, OFFSETS, SET_SEEDS, Settings

GENERATOR = Path(__file__).resolve().parents[2] / 'generate.py'


@dataclass
class Truth:
    """What is known about the key frames of N windows; coordinates in pixels of the image.

    Attributes:
        joints (np.ndarray): ``(N,K,2)``.
        annotated (np.ndarray): bool ``(N,K)``, in the image.
        hidden (np.ndarray): bool ``(N,K)``, something is in front.
        blur (np.ndarray): ``(N,K)`` pixels moved while the shutter is open.
        speed (np.ndarray): ``(N,K)`` pixels per frame.
        crossing (np.ndarray): bool ``(N,K)``, somebody else's limb is near.
        head_size (np.ndarray): ``(N,)`` PCKh's unit in pixels.
        to_image (np.ndarray): ``(N,2,2)``, scale and offset from crop to image.
        clip (np.ndarray): ``(N,)`` number of the clip.
        person (np.ndarray): ``(N,)`` track in the clip.
        frame (np.ndarray): ``(N,)`` key frame.
    """
    joints: np.ndarray
    annotated: np.ndarray
    hidden: np.ndarray
    blur: np.ndarray
    speed: np.ndarray
    crossing: np.ndarray
    head_size: np.ndarray
    to_image: np.ndarray
    clip: np.ndarray
    person: np.ndarray
    frame: np.ndarray


@dataclass
class Windows:
    """Encoded windows of one set.

    Attributes:
        feats (np.ndarray): float16 ``(N,T,C,h,w)``, mapped from the disk.
        heatmaps (np.ndarray): Targets of the key frame, float16 ``(N,K,h,w)``.
        weights (np.ndarray): 1 for annotated joints, float32 ``(N,K)``.
        truth (Truth): What is scored against.
    """
    feats: np.ndarray
    heatmaps: np.ndarray
    weights: np.ndarray
    truth: Truth

    def __len__(self) -> int:
        """Number of windows."""
        return len(self.feats)

    def batch(self, index: Sequence[int]) -> Tensor:
        """Features of some windows, float32 ``(B,T,C,h,w)``."""
        return torch.from_numpy(np.stack([self.feats[i] for i in index])).float()


def draw_clips(parent: Path, settings: Settings, name: str) -> Path:
    """Draw the clips of a set unless they are there; return their folder."""
    folder = parent / name
    if not folder.is_dir():
        with whole(folder) as partial:
            subprocess.run(
                [sys.executable, str(GENERATOR), str(partial), '--clips', str(settings.clips[name]),
                 '--val-clips', '0', '--frames', str(settings.frames), '--fps', str(settings.fps),
                 '--people', settings.people, '--difficulty', settings.difficulty,
                 '--seed', str(SET_SEEDS[name]), '--no-video'],
                check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return folder


def build_dataset(folder: Path, offsets: Sequence[int], augment: bool):
    """Windows of all people and frames of a set, packed; at random turns, scales and flips if augmented."""
    steps: List[dict] = [
        dict(type='mmpose_gss.LoadClip'), dict(type='mmpose.GetBBoxCenterScale', padding=1.25)]
    if augment:
        steps += [dict(type='mmpose_gss.RandomClipFlip', direction='horizontal', prob=0.5),
                  dict(type='mmpose_gss.ClipBBoxTransform', scale_sigma=0.15, scale_range=(0.8, 1.25),
                       rotate_sigma=15., rotate_limit=30.)]
    steps += [dict(type='mmpose.TopdownAffine', input_size=INPUT),
              dict(type='mmpose.GenerateTarget', encoder=CODEC), dict(type='mmpose_gss.PackClipInputs')]
    return DATASETS.build(dict(
        type='mmpose_gss.PoseTrackVideoDataset', layout='synthetic_posetrack', data_root=str(folder),
        ann_file='annotations/posetrack18_train.json', data_prefix=dict(img=''), pipeline=steps,
        frame_offsets=list(offsets)))


def packed_windows(folder: Path, keys: Sequence[int], augment: int) -> Iterator[dict]:
    """Windows around some key frames; ``augment`` copies of each at random, or one as it is for 0."""
    np.random.seed(0)
    dataset = build_dataset(folder, OFFSETS, augment > 0)
    chosen = [i for i in range(len(dataset)) if dataset.get_data_info(i)['frame_position'] in keys]
    for _ in range(max(augment, 1)):
        for i in chosen:
            yield dataset[i]


def preprocessor() -> ClipDataPreprocessor:
    """ImageNet's normalisation."""
    return ClipDataPreprocessor(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True)


def targets_of(packed: Sequence[dict]) -> Tuple[Tensor, Tensor]:
    """Heatmaps ``(B,K,h,w)`` and weights ``(B,K)`` of packed windows."""
    samples = [item['data_samples'] for item in packed]
    return (torch.stack([sample.gt_fields.heatmaps for sample in samples]),
            torch.cat([sample.gt_instance_labels.keypoint_weights for sample in samples]))


def truth_of(metas: Sequence[dict]) -> Truth:
    """Collect the generator's annotations and the crops."""
    anns = [meta['raw_ann_info'] for meta in metas]
    joints = np.array([ann['keypoints'] for ann in anns], dtype=np.float64).reshape(-1, NUM_JOINTS, 3)
    extent = np.array([meta['input_scale'] for meta in metas], dtype=np.float64).reshape(-1, 2)
    centre = np.array([meta['input_center'] for meta in metas], dtype=np.float64).reshape(-1, 2)
    annotated = joints[..., 2] > 0
    column = {name: np.array([ann[name] for ann in anns]).reshape(-1, NUM_JOINTS)
              for name in ('occluded', 'blur', 'speed', 'crossing')}
    return Truth(
        joints[..., :2], annotated, column['occluded'] & annotated, column['blur'], column['speed'],
        column['crossing'] & annotated,
        np.array([0.6 * np.hypot(*ann['bbox_head'][2:]) for ann in anns]),
        np.stack((extent / INPUT, centre - extent / 2), axis=1),
        np.array([int(meta['vid_id']) for meta in metas]), np.array([ann['track_id'] for ann in anns]),
        np.array([ann['image_id'] % 10000 for ann in anns]))


@torch.no_grad()
def encode(packed: Iterator[dict], encoder: nn.Module, folder: Path, batch_size: int = 8) -> None:
    """Encode windows and write features, targets and truth into a folder."""
    preprocess, feats, heatmaps, weights, metas = preprocessor(), [], [], [], []

    def flush(items: List[dict]) -> None:
        images = preprocess(dict(inputs=[item['inputs'] for item in items]))['inputs']
        maps = encoder(images.flatten(0, 1))[0].unflatten(0, images.shape[:2])
        feats.append(maps.half().numpy())
        target, weight = targets_of(items)
        heatmaps.append(target.half().numpy())
        weights.append(weight.numpy())
        metas.extend(item['data_samples'].metainfo for item in items)

    waiting: List[dict] = []
    for item in packed:
        waiting.append(item)
        if len(waiting) == batch_size:
            flush(waiting)
            waiting = []
    if waiting:
        flush(waiting)
    folder.mkdir(parents=True)
    np.save(folder / 'feats.npy', np.concatenate(feats))
    np.savez(folder / 'targets.npz', heatmaps=np.concatenate(heatmaps), weights=np.concatenate(weights))
    np.savez(folder / 'truth.npz', **vars(truth_of(metas)))


def load_windows(folder: Path) -> Windows:
    """Windows that :func:`encode` has written."""
    targets, truth = np.load(folder / 'targets.npz'), np.load(folder / 'truth.npz')
    return Windows(np.load(folder / 'feats.npy', mmap_mode='r'), targets['heatmaps'], targets['weights'],
                   Truth(**{name: truth[name] for name in truth.files}))
