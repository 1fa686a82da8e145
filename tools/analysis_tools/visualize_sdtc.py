#!/usr/bin/env python
"""Look inside SDTC on any video: the pictures of the paper's figures 6, 8, 11 and 12.

    python tools/analysis_tools/visualize_sdtc.py VIDEO --config CONFIG --checkpoint FILE --out-dir DIR

Writes ``masks.png`` (figure 8), ``context_maps.png`` (6), ``features.png`` (11), ``heatmaps.png`` (12, with
the ground truth if ``--ann-file`` has one) and ``reconstruction.png``: what the motion decoder makes of what
is masked. A picture whose part the config has switched off is left out.
"""
from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from torch import Tensor

from mmpose_gss.engine.cli import run_command

TUBE_COLOUR, FRAME_COLOUR = (255, 214, 0), (40, 110, 255)  # yellow and blue, as in figure 8
RATIOS = (0.25, 0.5, 0.75)


def parse_args(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('video', help='video file, or folder of images')
    parser.add_argument('--config', required=True, help='SDTC config, or its shipped base name')
    parser.add_argument('--checkpoint', help='its checkpoint (default: random weights)')
    parser.add_argument('--out-dir', type=Path, default=Path('outputs'), help='folder for the pictures')
    parser.add_argument('--frame', type=int, help='key frame, from 0 (default: the middle)')
    parser.add_argument('--person', type=int, default=0, help='box to show, best first (default: 0)')
    parser.add_argument('--detector', default='whole-frame',
                        help='mmdet config, folder of a detector, .json file of boxes, or whole-frame')
    parser.add_argument('--detector-checkpoint', help='checkpoint of the mmdet config')
    parser.add_argument('--ann-file', help='PoseTrack18 JSON of this video, for ground truth heatmaps')
    parser.add_argument('--channels', type=int, default=5, help='channels of figure 6 (default: 5)')
    parser.add_argument('--seed', type=int, default=0, help='of masks and channels')
    parser.add_argument('--device', help='torch device (default: the first GPU, or the CPU)')
    return parser.parse_args(argv)


def key_window(inferencer, args: argparse.Namespace) -> Tuple[dict, List[np.ndarray]]:
    """The packed window of the chosen person.

    Args:
        inferencer (VideoPoseInferencer): Gives detector, pipeline and offsets.
        args (argparse.Namespace): The options.

    Returns:
        tuple: The packed sample and the T crops as RGB arrays.

    Raises:
        ValueError: If the video has no such frame, or the frame no such person.
    """
    from mmpose_gss.apis.person_detector import keep_valid
    from mmpose_gss.apis.video_reader import VideoFrames, WindowBuffer
    video, buffer = VideoFrames(args.video), WindowBuffer(inferencer.window)
    for frame in video:
        buffer.append(frame)
    key = buffer.end // 2 if args.frame is None else args.frame
    if not 0 <= key < buffer.end:
        raise ValueError(f'--frame {key}: {args.video} has the frames 0 to {buffer.end - 1}')
    window, middle = buffer.window(key), inferencer.window.key_index
    boxes = keep_valid(inferencer.detector([window[middle]], key)[0], video.size)
    boxes = boxes[np.argsort(-boxes[:, 4], kind='stable')]
    if args.person >= len(boxes):
        raise ValueError(
            f'--person {args.person}: {len(boxes)} people were found in frame {key} of {args.video}')
    box = boxes[args.person]
    sample = inferencer.pipeline(dict(
        img=window, img_path=f'{key:06d}.jpg', img_id=key, id=key, key_index=middle,
        bbox=box[None, :4].copy(), bbox_score=box[4:].copy(), **inferencer.model.dataset_meta))
    crops = [frame.permute(1, 2, 0).flip(-1).numpy() for frame in sample['inputs']]
    return sample, crops


@torch.no_grad()
def look_inside(model, sample: dict, seed: int) -> Dict[str, object]:
    """Run the model and keep everything that a picture needs.

    Args:
        model (VideoTopdownPoseEstimator): With an ``SDTCNeck``.
        sample (dict): A packed window.
        seed (int): Of the masks.

    Returns:
        dict: ``heatmaps (K,h,w)``, ``maps``: name → ``(D,h,w)`` of the key frame or the gathered window, and
        with a decoder ``masks``, ``target (T,L,C)``, ``context (T,L,C)``, ``pose (T,L,K)``; ``size`` (h, w).
    """
    from mmpose_gss.models.video_topdown import window_of  # slow to import, after the options are checked
    data = model.data_preprocessor(pseudo_collate([sample]), False)
    window, neck = window_of(data['data_samples'], data['inputs'].shape[1]), model.neck
    middle, feats = window.key_index, model.encode(data['inputs'], window)
    tokens = neck.tokens(feats)
    motion = neck.extract_motion(tokens)
    maps: Dict[str, Tensor] = {}
    for name, level in (('patch-level motion', motion.patch), ('frame-level motion', motion.frame)):
        if level is not None:
            maps[name] = level[0, middle].T.unflatten(1, tokens.size)
    stages = neck.mutual.stages(tokens.embedded, motion.motion, *tokens.size)
    maps.update({name: stage[0] for name, stage in stages.items()})
    seen = dict(maps=maps, size=tokens.size, heatmaps=model.head((stages['fused'], ))[0].cpu().numpy())
    if neck.decoder is not None:
        generator = torch.Generator(tokens.embedded.device).manual_seed(seed)
        masks = neck.draw_masks(tokens, generator)
        hidden = neck.extract_motion(tokens, masks)
        context, pose = neck.decoder(hidden.frame if neck.decoder_input == 'frame' else hidden.hybrid)
        seen.update(
            masks=masks, target=tokens.features[0].cpu(), context=context[0].cpu(), pose=pose[0].cpu())
    return seen


def ground_truth(path: str, sample: dict, codec) -> Optional[np.ndarray]:
    """Heatmaps of the annotated person whose joints are nearest to the middle of the crop.

    Args:
        path (str): PoseTrack18 file of one video.
        sample (dict): The packed window.
        codec (BaseKeypointCodec): Encodes keypoints.

    Returns:
        ndarray | None: ``(K,h,w)``, None if the key frame has no annotated person.

    Raises:
        ValueError: If the file is not of this form.
    """
    meta = sample['data_samples'].metainfo
    try:
        content = json.loads(Path(path).read_text())
        frames = {image['id']: image.get('frame_id', image['id']) for image in content['images']}
        order = {image: place for place, image in enumerate(sorted(frames, key=lambda i: (frames[i], i)))}
        people = [np.array(ann['keypoints'], dtype=np.float32).reshape(-1, 3)
                  for ann in content['annotations']
                  if order[ann['image_id']] == meta['img_id'] and any(ann.get('keypoints', []))]
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(f'--ann-file {path} is not a PoseTrack18 annotation file with "images" and '
                         f'"annotations" ({error!r}); give the JSON of this video') from error
    if not people:
        return None
    centre, scale = np.array(meta['input_center']), np.array(meta['input_scale'])
    def distance(person: np.ndarray) -> float:
        return float(np.linalg.norm(person[person[:, 2] > 0, :2].mean(0) - centre))
    person = min((p for p in people if (p[:, 2] > 0).any()), key=distance)
    places = ((person[:, :2] - centre) / scale + 0.5) * np.array(meta['input_size'])
    return codec.encode(places[None], (person[None, :, 2] > 0).astype(np.float32))['heatmaps']


def strength(feature: Tensor) -> np.ndarray:
    """Length of the feature vector per pixel, ``(D,h,w)`` to ``(h,w)`` in 0 to 1."""
    length = feature.float().cpu().norm(dim=0).numpy()
    return (length - length.min()) / max(float(length.max() - length.min()), 1e-12)


def paint(crop: np.ndarray, mask: np.ndarray, colour: Sequence[int], opacity: float = 0.6) -> np.ndarray:
    """Colour the masked places ``(h,w)`` of a crop ``(H,W,3)``."""
    import cv2
    full = cv2.resize(mask.astype(np.uint8), crop.shape[1::-1], interpolation=cv2.INTER_NEAREST)[..., None]
    return np.where(full > 0, (1 - opacity) * crop + opacity * np.array(colour), crop).astype(np.uint8)


def overlay(crop: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A heatmap ``(h,w)`` over a crop ``(H,W,3)``; 0 is clear, 1 and more is full."""
    import cv2
    heat = cv2.resize(heat.astype(np.float32), crop.shape[1::-1]).clip(0, 1)
    colours = cv2.applyColorMap((255 * heat).astype(np.uint8), cv2.COLORMAP_JET)[..., ::-1]
    return (0.45 * crop + 0.55 * colours).astype(np.uint8)


def save_grid(path: Path, rows: Sequence[Sequence[np.ndarray]], titles: Sequence[Sequence[str]]) -> Path:
    """Save rows of pictures, grey ones ``(h,w)`` in colours, with a title each."""
    import matplotlib
    matplotlib.use('Agg')
    from matplotlib import pyplot as plt
    columns = max(map(len, rows))
    figure, axes = plt.subplots(len(rows), columns, squeeze=False, figsize=(1.7 * columns, 2.5 * len(rows)))
    for axis in axes.flat:
        axis.axis('off')
    for row, row_titles, row_axes in zip(rows, titles, axes):
        for picture, title, axis in zip(row, row_titles, row_axes):
            axis.imshow(picture, **({} if picture.ndim == 3 else dict(cmap='jet', interpolation='nearest')))
            axis.set_title(title, fontsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=150)
    plt.close(figure)
    return path


def draw_masks(path: Path, crops: List[np.ndarray], seen: dict, patch: int, with_frames: bool,
               seed: int) -> Path:
    """Figure 8: masks of three ratios on the frames, tubes yellow, whole frames blue."""
    from mmpose_gss.models.sdtc.masking import random_frame_mask, random_tube_mask
    rows, titles = [], []
    for ratio in RATIOS:
        generator = torch.Generator().manual_seed(seed)
        tube = random_tube_mask(1, *seen['size'], ratio, patch, generator=generator)[0]
        tube = tube.view(seen['size']).numpy()
        frames = random_frame_mask(1, len(crops), ratio, generator=generator)[0] & with_frames
        rows.append([paint(paint(crop, tube, TUBE_COLOUR), np.full_like(tube, bool(whole)), FRAME_COLOUR)
                     for crop, whole in zip(crops, frames)])
        titles.append([f'r = {ratio:.0%}' + (', frame masked' if whole else '') for whole in frames])
    return save_grid(path, rows, titles)


def draw_context_maps(path: Path, key: np.ndarray, maps: Dict[str, Tensor], number: int, seed: int) -> Path:
    """Figure 6: the same random channels of O_S (top) and O_M (bottom)."""
    channels = np.random.default_rng(seed).permutation(len(maps['context_spatial']))[:number]
    rows = [[key] + [maps[name][channel].float().cpu().numpy() for channel in channels]
            for name in ('context_spatial', 'context_motion')]
    titles = [['key frame'] + [f'{name}, channel {channel}' for channel in channels]
              for name in ('O_S', 'O_M')]
    return save_grid(path, rows, titles)


def draw_features(path: Path, key: np.ndarray, maps: Dict[str, Tensor]) -> Path:
    """Figure 11, and the weights of the fusion (Eq. 12)."""
    names = {'patch-level motion': 'patch-level motion', 'frame-level motion': 'frame-level motion',
             'motion': 'gathered motion', 'spatial': 'gathered spatial', 'fused': 'fused'}
    weights = {'attention_spatial': 'A_S', 'attention_motion': 'A_M'}
    row = [key] + [strength(maps[name]) for name in names if name in maps]
    titles = ['key frame'] + [title for name, title in names.items() if name in maps]
    for name, title in weights.items():
        if name in maps:
            row.append(maps[name][0].float().cpu().numpy())
            titles.append(f'{title}, {row[-1].min():.2f} to {row[-1].max():.2f}')
    return save_grid(path, [row], [titles])


def draw_reconstruction(path: Path, crops: List[np.ndarray], seen: dict, middle: int) -> Path:
    """Masked frames, features, features with masked places reconstructed, reconstructed heatmaps."""
    size, masks = seen['size'], seen['masks']
    tube = masks.tube[0].cpu()
    whole = torch.zeros(len(crops), dtype=torch.bool) if masks.frame is None else masks.frame[0].cpu()
    hidden = tube[None] | whole[:, None]                                      # (T,L)
    mixed = torch.where(hidden[..., None], seen['context'], seen['target'])
    rows = [[paint(paint(crop, tube.view(size).numpy(), TUBE_COLOUR),
                   np.full(size, bool(masked)), FRAME_COLOUR) for crop, masked in zip(crops, whole)],
            [strength(frame.T.unflatten(1, size)) for frame in seen['target']],
            [strength(frame.T.unflatten(1, size)) for frame in mixed],
            [overlay(crop, pose.amax(1).view(size).numpy()) for crop, pose in zip(crops, seen['pose'])]]
    names = ('masked', 'features', 'reconstructed', 'poses')
    titles = [[f'{name}, {place - middle:+d}' for place in range(len(crops))] for name in names]
    return save_grid(path, rows, titles)


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Draw all pictures that the config allows."""
    args = parse_args(argv)
    from mmpose_gss.apis import VideoPoseInferencer  # slow to import, after the options are checked
    from mmpose_gss.models import SDTCNeck
    inferencer = VideoPoseInferencer(
        args.config, args.checkpoint, args.detector, args.detector_checkpoint, device=args.device)
    model = inferencer.model
    if not isinstance(getattr(model, 'neck', None), SDTCNeck):
        raise ValueError(f'{args.config} has no SDTCNeck as model.neck; give a config of '
                         'configs/body_2d_keypoint/sdtc')
    sample, crops = key_window(inferencer, args)
    middle = sample['data_samples'].metainfo['key_index']
    seen = look_inside(model, sample, args.seed)
    args.out_dir.mkdir(parents=True, exist_ok=True)
    heatmaps, titles = [overlay(crops[middle], seen['heatmaps'].max(0))], ['predicted']
    if args.ann_file:
        truth = ground_truth(args.ann_file, sample, model.head.decoder)
        if truth is not None:
            heatmaps, titles = heatmaps + [overlay(crops[middle], truth.max(0))], titles + ['ground truth']
    written = [
        save_grid(args.out_dir / 'heatmaps.png', [[crops[middle]] + heatmaps], [['key frame'] + titles]),
        draw_features(args.out_dir / 'features.png', crops[middle], seen['maps'])]
    if 'context_spatial' in seen['maps']:
        written.append(draw_context_maps(
            args.out_dir / 'context_maps.png', crops[middle], seen['maps'], args.channels, args.seed))
    if 'masks' in seen:
        encoder = model.neck.motion_encoder
        with_frames = encoder.frame_level is not None
        written.append(draw_masks(
            args.out_dir / 'masks.png', crops, seen, encoder.mask_patch, with_frames, args.seed))
        written.append(draw_reconstruction(args.out_dir / 'reconstruction.png', crops, seen, middle))
    for path in written:
        print(path)


if __name__ == '__main__':
    run_command(main)
