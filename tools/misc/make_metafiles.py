#!/usr/bin/env python
"""Write metafile.yml of every method and model-index.yml, from the configs.

    python tools/misc/make_metafiles.py            # write them
    python tools/misc/make_metafiles.py --check    # say what differs, write nothing

Only what no config knows is kept by hand, in ``published.yml`` beside a method's configs:

    Collection:                 # name, paper, README
    Models:
      CONFIG:                   # without .py
        Metrics: {...}          # what the paper reports on the config's data
        Alias: ...              # optional: a short name for MMPose's inferencers
        Weights: ...            # optional: where the weights are
"""
from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Dict, List, Optional

import yaml
from mmengine.config import Config

from mmpose_gss.engine.cli import run_command
from mmpose_gss.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
HEADER = '# Written by tools/misc/make_metafiles.py from the configs and published.yml; do not edit.\n'
TASKS = {'body_2d_keypoint': 'Body 2D Keypoint', 'body_3d_keypoint': 'Body 3D Keypoint'}
#: Name of the data by the data set's layout or, without one, by its class.
DATA = {
    'posetrack17': 'PoseTrack2017',
    'posetrack18': 'PoseTrack2018',
    'posetrack21': 'PoseTrack21',
    'synthetic_posetrack': 'synthetic clips',
    'mmpose_gss.LabelledVideoDataset': 'your own labelled video',
    'mmpose_gss.SubJHMDBVideoDataset': 'Sub-JHMDB',
    'mmpose_gss.H36MMotionBERTDataset': 'Human3.6M',
    'mmpose_gss.H36MClipDataset': 'Human3.6M',
    'mmpose_gss.Mpi3dhpClipDataset': 'MPI-INF-3DHP',
}
#: Name of the encoder by the class of its backbone.
ENCODERS = {'mmpretrain.VisionTransformer': 'ViTPose', 'ResNet': 'ResNet'}
FIELDS = {'Alias', 'Metrics', 'Weights'}


def data_of(cfg: Config, loader: str) -> str:
    """Name of the data that a loader of a config reads.

    Raises:
        UserError: If the data set is not in :data:`DATA`.
    """
    dataset = cfg[loader].dataset
    key = dataset.get('layout', dataset.type)
    if key not in DATA:
        raise UserError(f'{cfg.filename} reads {key}, for which make_metafiles.py has no name; add it to its '
                        'DATA')
    return DATA[key]


def architecture_of(cfg: Config, collection: str) -> List[str]:
    """The method and, where it has one, its encoder of single frames."""
    encoder = cfg.model.backbone.get('backbone')
    return [collection] if encoder is None else [collection, ENCODERS.get(encoder.type, encoder.type)]


def model_entry(path: Path, root: Path, published: Dict[str, Any]) -> Dict[str, Any]:
    """Entry of one config.

    Args:
        path (Path): The config.
        root (Path): Folder of the repository.
        published (dict): The method's ``published.yml``.
    """
    cfg = Config.fromfile(str(path), import_custom_modules=False)
    known = (published.get('Models') or {}).get(path.stem) or {}
    collection = published['Collection']['Name']
    metadata = {'Architecture': architecture_of(cfg, collection),
                'Training Data': data_of(cfg, 'train_dataloader')}
    if 'codec' in cfg:
        width, height = cfg.codec.input_size
        metadata['Input Size'] = f'{height}x{width}'
    metadata['Frames'] = len(cfg.frame_offsets) if 'frame_offsets' in cfg else cfg.num_frames
    entry = {'Name': path.stem, 'Config': path.relative_to(root).as_posix(),
             'In Collection': collection}
    if known.get('Alias'):
        entry['Alias'] = known['Alias']
    entry['Metadata'] = metadata
    if known.get('Metrics'):
        entry['Results'] = [{'Task': TASKS[path.relative_to(root / 'configs').parts[0]],
                             'Dataset': data_of(cfg, 'test_dataloader'), 'Metrics': known['Metrics']}]
    if known.get('Weights'):
        entry['Weights'] = known['Weights']
    return entry


def metafile(folder: Path, root: Path) -> str:
    """Text of a method's metafile.

    Args:
        folder (Path): The method's folder of configs, with its ``published.yml``.
        root (Path): Folder of the repository.

    Raises:
        UserError: If ``published.yml`` names a config or a field that is not there.
    """
    source = folder / 'published.yml'
    published = yaml.safe_load(source.read_text(encoding='utf-8'))
    configs = sorted(path for path in folder.rglob('*.py') if '_base_' not in path.parts)
    names = {path.stem for path in configs}
    for name, fields in (published.get('Models') or {}).items():
        if name not in names:
            raise UserError(f'{source} names {name}, but {folder} has no such config; correct the name')
        if set(fields) - FIELDS:
            raise UserError(f'{source}: {name} has {sorted(set(fields) - FIELDS)}; the fields are '
                            f'{sorted(FIELDS)}')
    collection = {**published['Collection'], 'README': (folder / 'README.md').relative_to(root).as_posix()}
    content = dict(Collections=[collection], Models=[model_entry(path, root, published) for path in configs])
    return HEADER + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)


def make(root: Path) -> Dict[Path, str]:
    """Texts of all generated files by path."""
    folders = sorted(path.parent for path in (root / 'configs').rglob('published.yml'))
    texts = {folder / 'metafile.yml': metafile(folder, root) for folder in folders}
    index = [path.relative_to(root).as_posix() for path in texts]
    header = HEADER.replace('the configs and published.yml', 'the configs')
    texts[root / 'model-index.yml'] = header + yaml.safe_dump({'Import': index})
    return texts


def differing(texts: Dict[Path, str]) -> List[Path]:
    """Files that are not as they would be written, sorted."""
    return sorted(path for path, text in texts.items()
                  if not path.is_file() or path.read_text(encoding='utf-8') != text)


def main(argv: Optional[List[str]] = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--check', action='store_true', help='write nothing; fail if a file is out of date')
    parser.add_argument('--root', type=Path, default=ROOT, help='folder of the repository')
    args = parser.parse_args(argv)
    texts = make(args.root.resolve())
    changed = differing(texts)
    if args.check and changed:
        raise UserError(f'{", ".join(str(path) for path in changed)} differ from what the configs say; run '
                        'python tools/misc/make_metafiles.py')
    for path in changed:
        path.write_text(texts[path], encoding='utf-8')
        print(f'written: {path}')


if __name__ == '__main__':
    run_command(main)
