"""Do support frames help where a joint is hidden? GLSMamba on windows of T = 5 against T = 1, on hard clips.

    python projects/synthetic_posetrack/compare_windows.py WORK_DIR

Both variants see the same samples in the same order for the same number of iterations, on features of the
same frozen encoder, with three seeds each. What is compared is the average precision of joints that something
hides (a thing, another person, the person's own body) and, beside it, of those in view. It runs on one core.

```
clips ─► encoder, trained on single key frames, then frozen ─► features of each window, computed once
            ├─► T = 1: neck on the key frame  ─► heatmaps ─► AP of hidden joints
            └─► T = 5: neck on the window     ─► heatmaps ─► AP of hidden joints
```

Shapes: N samples, T frames, C channels, K joints, h, w map, 4h, 4w heatmaps' frame of reference.
"""
from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

import numpy as np
import torch
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmpose.codecs import MSRAHeatmap
from mmpose.models.losses import KeypointMSELoss
from torch import Tensor, nn

from mmpose_gss.engine.checkpoint import read_checkpoint
from mmpose_gss.models import ClipDataPreprocessor, GLSMambaNeck, TemporalHeatmapHead
from mmpose_gss.models.clip_features import ClipFeatures
from mmpose_gss.models.deconv_encoder import DeconvEncoder
from mmpose_gss.registry import DATASETS
from mmpose_gss.structures.clip_window import ClipWindow
from mmpose_gss.structures.skeletons import HEAD_SIZE_FACTOR

INPUT, HEATMAP = (96, 128), (24, 32)  # width, height
CODEC = dict(type='mmpose.MSRAHeatmap', input_size=INPUT, heatmap_size=HEATMAP, sigma=1.5)
CHANNELS = 48


@dataclass
class Samples:
    """Windows of one split, encoded.

    Attributes:
        feats (Tensor): float16 ``(N,T,C,h,w)``.
        heatmaps (Tensor): Targets, float16 ``(N,K,32,24)``.
        weights (Tensor): 1 for annotated joints, ``(N,K)``.
        joints (np.ndarray): Annotated joints in the image, ``(N,K,2)``.
        hidden (np.ndarray): bool ``(N,K)``, annotated and out of view.
        head_size (np.ndarray): PCKh's unit in pixels, ``(N,)``.
        to_image (np.ndarray): ``(N,2,2)``: scale and offset from input to image coordinates.
    """
    feats: Tensor
    heatmaps: Tensor
    weights: Tensor
    joints: np.ndarray
    hidden: np.ndarray
    head_size: np.ndarray
    to_image: np.ndarray


def parse_args(argv=None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('work_dir', type=Path, help='folder for clips and results')
    parser.add_argument('--clips', type=int, default=60, help='clips to draw, a fifth of them for validation')
    parser.add_argument('--frames', type=int, default=24, help='frames per clip')
    parser.add_argument('--stride', type=int, default=6, help='frames between two frames of a window')
    parser.add_argument('--key-interval', type=int, default=3, help='frames between two key frames')
    parser.add_argument('--encoder-epochs', type=int, default=6)
    parser.add_argument('--iterations', type=int, default=240, help='of each training of a neck')
    parser.add_argument('--batch-size', type=int, default=8)
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument('--people', default='2-4', help='persons per clip')
    return parser.parse_args(argv)


def draw_clips(args: argparse.Namespace) -> Path:
    """Draw the clips unless they are there."""
    folder = args.work_dir / f'clips-{args.clips}x{args.frames}'
    if not (folder / 'annotations' / 'posetrack18_val.json').is_file():
        script = Path(__file__).resolve().parent / 'generate.py'
        subprocess.run([sys.executable, str(script), str(folder), '--clips', str(args.clips), '--frames',
                        str(args.frames), '--difficulty', 'hard', '--people', args.people, '--no-video',
                        '--overwrite'], check=True, stderr=subprocess.DEVNULL)
    return folder


def load_windows(folder: Path, split: str, args: argparse.Namespace, augment: int) -> List[dict]:
    """Packed windows; ``augment`` copies under random turns, scales and flips, or one without if 0."""
    steps = [dict(type='mmpose_gss.LoadClip'), dict(type='mmpose.GetBBoxCenterScale', padding=1.25)]
    if augment:
        steps += [dict(type='mmpose.RandomFlip', direction='horizontal', prob=0.5),
                  dict(type='mmpose_gss.ClipBBoxTransform', scale_sigma=0.15, scale_range=(0.8, 1.25),
                       rotate_sigma=15., rotate_limit=30.)]
    steps += [dict(type='mmpose.TopdownAffine', input_size=INPUT),
              dict(type='mmpose.GenerateTarget', encoder=CODEC), dict(type='mmpose_gss.PackClipInputs')]
    dataset = DATASETS.build(dict(
        type='mmpose_gss.PoseTrackVideoDataset', layout='synthetic_posetrack', data_root=str(folder),
        ann_file=f'annotations/posetrack18_{split}.json', data_prefix=dict(img=''), pipeline=steps,
        sample_interval=args.key_interval, frame_offsets=[args.stride * i for i in (-2, -1, 0, 1, 2)]))
    return [dataset[i] for _ in range(max(augment, 1)) for i in range(len(dataset))]


def build_encoder() -> DeconvEncoder:
    """A small residual network that ends at 1/8 of the input."""
    return DeconvEncoder(
        backbone=dict(type='mmpose.ResNet', depth=18, stem_channels=32, base_channels=32, num_stages=3,
                      strides=(1, 2, 2), dilations=(1, 1, 1), out_indices=(2, )),
        deconv=dict(in_channels=128, out_channels=(CHANNELS, ), kernel_sizes=(4, )))


def images_of(windows: Sequence[dict], preprocess: nn.Module) -> Tensor:
    """Normalised windows ``(N,T,3,H,W)``."""
    return preprocess(dict(inputs=[window['inputs'] for window in windows]))['inputs']


def targets_of(windows: Sequence[dict]) -> Tuple[Tensor, Tensor]:
    """Heatmaps ``(N,K,32,24)`` and weights ``(N,K)``."""
    samples = [window['data_samples'] for window in windows]
    heatmaps = torch.stack([sample.gt_fields.heatmaps for sample in samples])
    weights = torch.cat([sample.gt_instance_labels.keypoint_weights for sample in samples])
    return heatmaps, weights


def optimise(params: Sequence[nn.Parameter], iterations: int, lr: float):
    """AdamW with a short warm-up and a cosine to zero."""
    optimizer = torch.optim.AdamW(params, lr=lr, weight_decay=0.01)
    warm = max(1, iterations // 20)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda i: min(1., (i + 1) / warm) * 0.5 * (1 + np.cos(np.pi * i / iterations)))
    return optimizer, schedule


def train_encoder(windows: Sequence[dict],
                  epochs: int,
                  preprocess: nn.Module,
                  batch_size: int = 32) -> nn.Module:
    """Train the encoder with a head of its own on the key frames alone and freeze it."""
    torch.manual_seed(0)
    encoder = build_encoder()
    head = TemporalHeatmapHead(CHANNELS, 17, deconv_out_channels=(32, ), deconv_kernel_sizes=(4, ))
    encoder.init_weights()
    head.init_weights()
    criterion = KeypointMSELoss(use_target_weight=True)
    per_epoch = len(windows) // batch_size
    optimizer, schedule = optimise([*encoder.parameters(), *head.parameters()], epochs * per_epoch, 2e-3)
    order = np.random.default_rng(0)
    for _ in range(epochs):
        places = order.permutation(len(windows))
        for i in range(per_epoch):
            batch = [windows[j] for j in places[i * batch_size:(i + 1) * batch_size]]
            keys = [dict(inputs=window['inputs'][2:3]) for window in batch]
            heatmaps, weights = targets_of(batch)
            out = head(encoder(images_of(keys, preprocess)[:, 0])[0][:, None])
            loss = criterion(out, heatmaps, weights)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return encoder.eval().requires_grad_(False)


@torch.no_grad()
def encode(windows: Sequence[dict], encoder: nn.Module, preprocess: nn.Module) -> Samples:
    """Features, targets and what the evaluation needs."""
    feats = []
    for i in range(0, len(windows), 8):
        images = images_of(windows[i:i + 8], preprocess)
        feats.append(encoder(images.flatten(0, 1))[0].unflatten(0, images.shape[:2]).half())
    heatmaps, weights = targets_of(windows)
    metas = [window['data_samples'].metainfo for window in windows]
    anns = [meta['raw_ann_info'] for meta in metas]
    joints = np.array([ann['keypoints'] for ann in anns], dtype=np.float64).reshape(len(anns), 17, 3)
    scale = np.array([np.asarray(meta['input_scale']) / INPUT for meta in metas])
    offset = np.array(
        [np.asarray(meta['input_center']) - np.asarray(meta['input_scale']) / 2 for meta in metas])
    return Samples(
        torch.cat(feats), heatmaps.half(), weights, joints[..., :2],
        np.array([ann['occluded'] for ann in anns]) & (joints[..., 2] > 0),
        np.array([HEAD_SIZE_FACTOR * np.hypot(*ann['bbox_head'][2:]) for ann in anns]),
        np.stack((scale, offset), axis=1))


def as_clip(feats: Tensor) -> ClipFeatures:
    """Stored features ``(B,T,C,h,w)`` of neighbouring frames as a neck takes them."""
    return ClipFeatures([feats], None, ClipWindow.centred(feats.shape[1]))


class WindowModel(nn.Module):
    """A neck on stored features and its head."""

    def __init__(self, neck: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.neck, self.head = neck, head

    def forward(self, feats: Tensor) -> Tensor:
        """Heatmaps ``(B,K,h,w)`` of windows ``(B,T,C,h,w)``."""
        return self.head(self.neck(as_clip(feats)))


def train_neck(samples: Samples, num_frames: int, seed: int, iterations: int, batch_size: int) -> nn.Module:
    """Train a tiny GLSMamba and its head on the middle ``num_frames`` frames of the windows."""
    torch.manual_seed(seed)
    neck = GLSMambaNeck(CHANNELS, embed_dims=32, num_frames=num_frames, readout='key', skip='none',
                        num_global=1, num_local=1,
                        resolution='1/8', window=(8, 6), scan=dict(d_state=8, dt_rank=4))
    head = TemporalHeatmapHead(32, 17)
    neck.init_weights()
    head.init_weights()
    model = WindowModel(neck, head).train()
    optimizer, schedule = optimise(list(model.parameters()), iterations, 2e-3)
    criterion = KeypointMSELoss(use_target_weight=True)
    order, places = np.random.default_rng(seed), np.zeros(0, dtype=int)
    first = (samples.feats.shape[1] - num_frames) // 2
    for _ in range(iterations):
        if len(places) < batch_size:
            places = order.permutation(len(samples.feats))
        batch, places = torch.from_numpy(places[:batch_size]), places[batch_size:]
        out = model(samples.feats[batch, first:first + num_frames].float())
        loss = criterion(out, samples.heatmaps[batch].float(), samples.weights[batch])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.)
        optimizer.step()
        schedule.step()
    return model.eval()


def average_precision(score: np.ndarray, right: np.ndarray) -> float:
    """Area under the precision envelope, percent; every candidate is one annotated joint (PoseTrack's AP with
    people assigned by their boxes)."""
    if not len(score):
        return float('nan')
    right = right[np.argsort(-score, kind='stable')]
    precision = np.cumsum(right) / np.arange(1, len(right) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(100 * (envelope * right).sum() / len(right))


@torch.no_grad()
def evaluate(model: nn.Module, samples: Samples, num_frames: int) -> Dict[str, float]:
    """AP at PCKh 0.5, mean over joints, of hidden joints and of those in view."""
    codec = MSRAHeatmap(**{key: value for key, value in CODEC.items() if key != 'type'})
    first = (samples.feats.shape[1] - num_frames) // 2
    found, score = [], []
    for i in range(0, len(samples.feats), 32):
        for heatmaps in model(samples.feats[i:i + 32, first:first + num_frames].float()).numpy():
            keypoints, scores = codec.decode(heatmaps)
            found.append(keypoints[0])
            score.append(scores[0])
    found, score = np.stack(found), np.stack(score)
    found = found * samples.to_image[:, :1] + samples.to_image[:, 1:]
    right = np.linalg.norm(found - samples.joints, axis=-1) <= 0.5 * samples.head_size[:, None]
    result = {}
    annotated = samples.weights.numpy() > 0
    groups = {'hidden': samples.hidden, 'in view': annotated & ~samples.hidden, 'all': annotated}
    for name, chosen in groups.items():
        per_joint = [average_precision(score[chosen[:, k], k], right[chosen[:, k], k]) for k in range(17)]
        result[name] = float(np.nanmean(per_joint))
    return result


def features(args: argparse.Namespace, start: float) -> Tuple[Samples, Samples]:
    """Draw, train the encoder and encode, or read what an earlier run with the same settings left."""
    settings = (args.clips, args.frames, args.people, args.stride, args.key_interval, args.encoder_epochs)
    path = args.work_dir / 'features.pt'
    if path.is_file():
        kept = read_checkpoint(path)['state_dict']
        if kept['settings'] == settings:
            return Samples(**kept['train']), Samples(**kept['val'])
    folder = draw_clips(args)
    preprocess = ClipDataPreprocessor(mean=[123.675, 116.28, 103.53],
                                      std=[58.395, 57.12, 57.375],
                                      bgr_to_rgb=True)
    windows = load_windows(folder, 'train', args, augment=1)
    print(f'{len(windows)} windows to train on, {time.time() - start:.0f} s', flush=True)
    encoder = train_encoder(windows, args.encoder_epochs, preprocess)
    print(f'encoder trained, {time.time() - start:.0f} s', flush=True)
    train = encode(windows, encoder, preprocess)
    val = encode(load_windows(folder, 'val', args, augment=0), encoder, preprocess)
    print(f'{len(val.feats)} windows to validate on, {val.hidden.sum()} hidden joints, '
          f'{time.time() - start:.0f} s', flush=True)
    torch.save(dict(settings=settings, train=vars(train), val=vars(val)), path)
    return train, val


def table(results: Dict[int, List[Dict[str, float]]], seeds: Sequence[int]) -> str:
    """Markdown table of both variants."""
    lines = ['| T | AP of hidden joints, per seed | mean | AP of joints in view, mean |', '|---|---|---|---|']
    for num_frames, rows in results.items():
        hidden = [row['hidden'] for row in rows]
        lines.append(
            f'| {num_frames} | {", ".join(f"{value:.1f}" for value in hidden)} | {np.mean(hidden):.1f} | '
            f'{np.mean([row["in view"] for row in rows]):.1f} |')
    return '\n'.join(lines)


def main(argv=None) -> int:
    """Run the comparison; exit status 1 if T = 5 does not win."""
    args = parse_args(argv)
    start = time.time()
    init_default_scope('mmpose')
    MMLogger.get_current_instance().setLevel('WARNING')
    torch.set_num_threads(1)
    np.random.seed(0)
    train, val = features(args, start)
    results: Dict[int, List[Dict[str, float]]] = {1: [], 5: []}
    for seed in args.seeds:
        for num_frames, rows in results.items():
            model = train_neck(train, num_frames, seed, args.iterations, args.batch_size)
            rows.append(evaluate(model, val, num_frames))
            print(f'T = {num_frames}, seed {seed}: {rows[-1]}, {time.time() - start:.0f} s', flush=True)
    print('\n' + table(results, args.seeds))
    (args.work_dir / 'compare_windows.json').write_text(json.dumps(results, indent=1))
    better = np.mean([row['hidden'] for row in results[5]]) > np.mean([row['hidden'] for row in results[1]])
    return 0 if better else 1


if __name__ == '__main__':
    sys.exit(main())
