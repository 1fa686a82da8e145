"""The shipped configs, and what the tests make of them."""
from __future__ import annotations

import json
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence, Tuple

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS, MODELS
from torch import nn

import mmpose_gss.engine  # noqa: F401

ROOT = Path(__file__).resolve().parents[2]
ALL_FILES = sorted((ROOT / 'configs').rglob('*.py'))
CONFIGS = [path for path in ALL_FILES if '_base_' not in path.parts]
VIDEO_2D = [path for path in CONFIGS if 'body_2d_keypoint' in path.parts]
LIFTING = [path for path in CONFIGS if 'body_3d_keypoint' in path.parts]
DETECTION = [path for path in CONFIGS if 'person_detection' in path.parts]
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


@lru_cache(maxsize=None)
def _read(path: Path) -> Config:
    return Config.fromfile(str(path))


def load(path: Path) -> Config:
    """A copy of a shipped config, with its scope set."""
    cfg = deepcopy(_read(path))
    init_default_scope(cfg.default_scope)
    return cfg


def _without(value: Any, keys: Sequence[str]) -> Any:
    """A nested value without some keys of its dicts."""
    if isinstance(value, dict):
        return {key: _without(item, keys) for key, item in value.items() if key not in keys}
    return [_without(item, keys) for item in value] if isinstance(value, (list, tuple)) else value


def by_model(paths: List[Path], ignoring: Sequence[str] = ()) -> List[List[Path]]:
    """Configs in groups of equal models (but for ``test_cfg``): what is true of one model is tested once.

    Args:
        paths (list[Path]): The configs.
        ignoring (Sequence[str]): Further arguments in which models of a group may differ.
    """
    groups: Dict[str, List[Path]] = {}
    for path in paths:
        model = _without(_read(path).model.to_dict(), ('test_cfg', *ignoring))
        groups.setdefault(json.dumps(model, sort_keys=True), []).append(path)
    return list(groups.values())


def group_name(group: List[Path]) -> str:
    """Name of a group in the test's id."""
    return group[0].stem + (f'+{len(group) - 1}' if len(group) > 1 else '')


def on_meta(cfg: Config) -> nn.Module:
    """The model, without memory for its weights."""
    with torch.device('meta'):
        return MODELS.build(cfg.model)


def unread_datasets(cfg: Config) -> Iterator[Tuple[str, Any]]:
    """Loader's name and data set, built without reading a file."""
    for loader in LOADERS:
        yield loader, DATASETS.build(dict(cfg[loader].dataset, lazy_init=True))
