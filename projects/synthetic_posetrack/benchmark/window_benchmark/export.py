"""A trained row as a config and a checkpoint of the package, for its evaluation and inference tools."""
from __future__ import annotations

from pathlib import Path
from typing import List, Tuple

import torch
from mmengine.config import Config

from mmpose_gss.engine.checkpoint import read_checkpoint
from mmpose_gss.errors import UserError
from mmpose_gss.registry import MODELS
from window_benchmark.data import Data
from window_benchmark.encoder import ENCODER
from window_benchmark.files import whole
from window_benchmark.runs import Runs
from window_benchmark.settings import CODEC, INPUT
from window_benchmark.systems import Row

ROOT = Path(__file__).resolve().parents[4]
BASES = ('configs/_base_/default_runtime.py', 'configs/_base_/datasets/synthetic_posetrack_data.py')

#: Every set is one split of its own folder.
ANNOTATIONS = 'annotations/posetrack18_train.json'


def check_exportable(row: Row) -> None:
    """Refuse rows that the package's own tools could not run.

    Raises:
        UserError: For a row that smooths poses, or whose neck belongs to the benchmark alone.
    """
    if row.smooth is not None:
        raise UserError(f'the row "{row.title}" smooths poses and is no single model; export another one')
    neck = None if row.neck is None else MODELS.get(row.neck['type'])
    if neck is not None and not neck.__module__.startswith('mmpose_gss.'):
        raise UserError(f'the neck of "{row.title}" belongs to the benchmark, not to the package; export '
                        'another row')


def config_of(row: Row, data: Data) -> Config:
    """Config of the whole estimator, encoder included, and of the evaluation on the test set."""
    check_exportable(row)
    config = Config.fromfile(ROOT / BASES[0])
    config.merge_from_dict(Config.fromfile(ROOT / BASES[1]).to_dict())
    content = config.to_dict()
    steps: List[dict] = [
        dict(type='mmpose_gss.LoadClip'), dict(type='mmpose.GetBBoxCenterScale', padding=1.25),
        dict(type='mmpose.TopdownAffine', input_size=INPUT), dict(type='mmpose_gss.PackClipInputs')]
    data_root = str(data.clips('test'))
    offsets = tuple(range(-(row.frames // 2), row.frames // 2 + 1))
    for loader in ('val_dataloader', 'test_dataloader'):
        content[loader].update(num_workers=0, persistent_workers=False)
        content[loader]['dataset'].update(pipeline=steps, frame_offsets=offsets, data_root=data_root,
                                          ann_file=ANNOTATIONS)
    for evaluator in ('val_evaluator', 'test_evaluator'):
        content[evaluator].update(ann_file=f'{data_root}/{ANNOTATIONS}')
    content.update(codec=CODEC, model=dict(
        type='mmpose_gss.VideoTopdownPoseEstimator',
        data_preprocessor=dict(type='mmpose_gss.ClipDataPreprocessor', mean=[123.675, 116.28, 103.53],
                               std=[58.395, 57.12, 57.375], bgr_to_rgb=True),
        backbone=ENCODER, neck=row.neck, head=row.head, test_cfg=dict(flip_test=False)))
    return Config(content)


def export(runs: Runs, name: str, seed: int, folder: Path) -> Tuple[Path, Path]:
    """Write ``NAME.py`` and ``NAME.pth`` of a run.

    Raises:
        UserError: If the row has not been trained with the seed.
    """
    check_exportable(runs.rows[name])
    path = runs.folder(name, seed) / 'weights.pth'
    if not path.is_file():
        raise UserError(f'the row "{name}" has not been trained with seed {seed}; run: row {name} '
                        f'--seeds {seed}')
    encoder = read_checkpoint(runs.data.encoder_path)['state_dict']
    state = {f'backbone.{key[len("encoder."):]}': value for key, value in encoder.items()
             if key.startswith('encoder.')}
    state.update(read_checkpoint(path)['state_dict'])
    config, checkpoint = folder / f'{name}.py', folder / f'{name}.pth'
    folder.mkdir(parents=True, exist_ok=True)
    config_of(runs.rows[name], runs.data).dump(config)
    with whole(checkpoint) as partial:
        torch.save(dict(state_dict=state), partial)
    return config, checkpoint
