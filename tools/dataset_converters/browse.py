"""Draw windows of a data set: boxes, skeletons and ignore regions, as loaded or as the model sees them."""
import argparse
from pathlib import Path

import cv2
import numpy as np
from mmengine.config import Config, DictAction
from mmengine.registry import init_default_scope
from mmengine.utils import ProgressBar

from mmpose_gss.datasets.body.ignore_regions import IgnoreRegions
from mmpose_gss.engine.cli import run_command
from mmpose_gss.registry import DATASETS
from mmpose_gss.visualization.clips import draw_crops, draw_frames

PACKING = 'mmpose_gss.PackClipInputs'


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file of an algorithm or a base of configs/_base_/datasets')
    parser.add_argument('--output-dir', default='browse', help='folder for the pictures')
    parser.add_argument('--phase', default='train', choices=['train', 'val', 'test'])
    parser.add_argument(
        '--mode', default='original', choices=['original', 'transformed'],
        help='whole frames with boxes and ignore regions, or the augmented crops that the model gets')
    parser.add_argument(
        '--max-items', type=int, default=20, help='number of windows, spread over the data set')
    parser.add_argument('--height', type=int, default=240, help='height of a frame in the picture, in pixels')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='as in tools/train.py')
    return parser.parse_args()


def browse(args: argparse.Namespace) -> int:
    """Write the pictures.

    Args:
        args (Namespace): Of :func:`parse_args`.

    Returns:
        int: Number of pictures.

    Raises:
        FileNotFoundError: If a file of the data set is missing.
        UserError: If one is broken.
    """
    config = Config.fromfile(args.config)
    if args.cfg_options:
        config.merge_from_dict(args.cfg_options)
    init_default_scope(config.get('default_scope', 'mmpose'))
    cfg = config[f'{args.phase}_dataloader'].dataset
    if args.mode == 'original':
        cfg.pipeline = [transform for transform in cfg.pipeline if transform['type'].endswith('LoadClip')]
    elif cfg.pipeline[-1]['type'] == PACKING:
        cfg.pipeline[-1].pack_transformed = True
    dataset = DATASETS.build(cfg)
    regions = {}
    if args.mode == 'original' and hasattr(dataset, 'ann_file'):
        regions = IgnoreRegions(dataset.ann_file)
    out = Path(args.output_dir)
    out.mkdir(parents=True, exist_ok=True)
    number = min(args.max_items, len(dataset))
    indices = np.unique(np.linspace(0, len(dataset) - 1, number).round().astype(int))
    bar = ProgressBar(len(indices))
    for index in indices.tolist():
        item = dataset[index]
        if args.mode == 'original':
            picture = draw_frames(item, dataset.metainfo, regions.get(item['img_id'], ()), args.height)
        else:
            picture = draw_crops(item, dataset.metainfo, args.height)
        cv2.imwrite(str(out / f'{index:06d}.jpg'), picture)
        bar.update()
    bar.file.write('\n')
    return len(indices)


def main() -> None:
    """Browse and say how much."""
    args = parse_args()
    print(f'{browse(args)} pictures in {args.output_dir}')


if __name__ == '__main__':
    run_command(main)
