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
from typing import TYPE_CHECKING, Dict, List, Optional, Sequence, Tuple

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from torch import Tensor, nn

from mmpose_gss.engine.cli import run_command
from mmpose_gss.errors import UserError
from mmpose_gss.visualization.sdtc_maps import (
    draw_context_maps,
    draw_features,
    draw_masks,
    draw_reconstruction,
    overlay,
    save_grid,
)

if TYPE_CHECKING:  # slow to import
    from mmpose.codecs import MSRAHeatmap

    from mmpose_gss.apis import VideoPoseInferencer

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


def key_window(inferencer: VideoPoseInferencer, args: argparse.Namespace) -> Tuple[Dict, List[np.ndarray]]:
    """Pack the window of the chosen person.

    Args:
        inferencer (VideoPoseInferencer): Gives detector, pipeline and offsets.
        args (argparse.Namespace): The options.

    Returns:
        tuple: The packed sample and the T crops as RGB arrays.

    Raises:
        UserError: If the video has no such frame, or the frame no such person.
    """
    from mmpose_gss.apis.detectors import keep_valid
    from mmpose_gss.apis.sources import VideoFrames
    from mmpose_gss.apis.window_buffer import WindowBuffer
    video, buffer = VideoFrames(args.video), WindowBuffer(inferencer.window)
    for frame in video:
        buffer.append(frame)
    key = buffer.end // 2 if args.frame is None else args.frame
    if not 0 <= key < buffer.end:
        raise UserError(f'--frame {key}: {args.video} has the frames 0 to {buffer.end - 1}')
    window, middle = buffer.window(key), inferencer.window.key_index
    boxes = keep_valid(inferencer.detector_for(video)([window[middle]], key)[0], video.size)
    boxes = boxes[np.argsort(-boxes[:, 4], kind='stable')]
    if args.person >= len(boxes):
        raise UserError(
            f'--person {args.person}: {len(boxes)} people were found in frame {key} of {args.video}')
    box = boxes[args.person]
    sample = inferencer.pipeline(dict(
        img=window, img_path=f'{key:06d}.jpg', img_id=key, id=key, key_index=middle,
        bbox=box[None, :4].copy(), bbox_score=box[4:].copy(), **inferencer.model.dataset_meta))
    crops = [frame.permute(1, 2, 0).flip(-1).numpy() for frame in sample['inputs']]
    return sample, crops


@torch.no_grad()
def look_inside(model: nn.Module, sample: Dict, seed: int) -> Dict[str, object]:
    """Run the model and keep everything that a picture needs.

    Args:
        model (nn.Module): A ``VideoTopdownPoseEstimator`` with an ``SDTCNeck``.
        sample (dict): A packed window.
        seed (int): Of the masks.

    Returns:
        dict: ``heatmaps (K,h,w)``, ``maps``: name → ``(D,h,w)`` of the key frame or the gathered window, and
        with reconstruction ``masks``, ``target (T,L,C)``, ``context (T,L,C)``, ``pose (T,L,K)``; ``size``
        (h, w).
    """
    from mmpose_gss.models.video_topdown import window_of  # slow to import, after the options are checked
    data = model.data_preprocessor(pseudo_collate([sample]), False)
    window, neck = window_of(data['data_samples'], data['inputs'].shape[1]), model.neck
    middle, feats = window.key_index, model.encode(data['inputs'], window)
    tokens = neck.tokens(feats)
    motion = neck.motion_encoder(tokens)
    maps: Dict[str, Tensor] = {}
    for name, level in (('patch-level motion', motion.patch), ('frame-level motion', motion.frame)):
        if level is not None:
            maps[name] = level[0, middle].T.unflatten(1, tokens.size)
    stages = neck.mutual.stages(tokens.embedded, motion.motion, *tokens.size)
    maps.update({name: stage[0] for name, stage in stages.items()})
    heatmaps = model.head((neck.fuse(tokens, motion), ))[0].cpu().numpy()
    seen = dict(maps=maps, size=tokens.size, heatmaps=heatmaps)
    if neck.reconstruction is not None:
        generator = torch.Generator(tokens.embedded.device).manual_seed(seed)
        masks = neck.motion_encoder.draw_masks(tokens, generator)
        context, pose = neck.reconstruction(neck.motion_encoder(tokens, masks))
        seen.update(
            masks=masks, target=tokens.features[0].cpu(), context=context[0].cpu(), pose=pose[0].cpu())
    return seen


def ground_truth(path: str, sample: Dict, codec: MSRAHeatmap) -> Optional[np.ndarray]:
    """Draw the heatmaps of the annotated person whose joints are nearest to the middle of the crop.

    Args:
        path (str): PoseTrack18 file of one video.
        sample (dict): The packed window.
        codec (BaseKeypointCodec): Encodes keypoints.

    Returns:
        ndarray | None: ``(K,h,w)``, None if the key frame has no annotated person.

    Raises:
        UserError: If the file is not of this form.
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
        raise UserError(f'--ann-file {path} is not a PoseTrack18 annotation file with "images" and '
                         f'"annotations" ({error!r}); give the JSON of this video') from error
    if not people:
        return None
    centre, scale = np.array(meta['input_center']), np.array(meta['input_scale'])

    def distance(person: np.ndarray) -> float:
        return float(np.linalg.norm(person[person[:, 2] > 0, :2].mean(0) - centre))

    person = min((p for p in people if (p[:, 2] > 0).any()), key=distance)
    places = ((person[:, :2] - centre) / scale + 0.5) * np.array(meta['input_size'])
    return codec.encode(places[None], (person[None, :, 2] > 0).astype(np.float32))['heatmaps']


def random_masks(encoder: nn.Module, frames: int, size: Tuple[int, int],
                 seed: int) -> List[Tuple[float, np.ndarray, np.ndarray]]:
    """Draw masks of three ratios as SDTC's motion encoder does.

    Args:
        encoder (nn.Module): A ``MotionEncoder``.
        frames (int): T.
        size (tuple[int, int]): h, w of the map.
        seed (int): Of the masks.

    Returns:
        list[tuple]: Per ratio the ratio, the tube's places ``(h,w)`` and the masked frames ``(T,)``.
    """
    from mmpose_gss.models.sdtc.masking import random_frame_mask, random_tube_mask
    masks, with_frames = [], encoder.frame_level is not None
    for ratio in RATIOS:
        generator = torch.Generator().manual_seed(seed)
        tube = random_tube_mask(1, *size, ratio, encoder.mask_patch, generator=generator)[0]
        whole = random_frame_mask(1, frames, ratio, generator=generator)[0] & with_frames
        masks.append((ratio, tube.view(size).numpy(), whole.numpy()))
    return masks


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Draw all pictures that the config allows."""
    args = parse_args(argv)
    from mmpose_gss.apis import VideoPoseInferencer  # slow to import, after the options are checked
    from mmpose_gss.models import SDTCNeck
    inferencer = VideoPoseInferencer(
        args.config, args.checkpoint, args.detector, args.detector_checkpoint, device=args.device)
    model = inferencer.model
    if not isinstance(getattr(model, 'neck', None), SDTCNeck):
        raise UserError(f'{args.config} has no SDTCNeck as model.neck; give a config of '
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
        masks = random_masks(model.neck.motion_encoder, len(crops), seen['size'], args.seed)
        written.append(draw_masks(args.out_dir / 'masks.png', crops, masks))
        written.append(draw_reconstruction(args.out_dir / 'reconstruction.png', crops, seen, middle))
    for path in written:
        print(path)


if __name__ == '__main__':
    run_command(main)
