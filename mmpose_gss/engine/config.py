"""Find and complete the config of a command."""
from __future__ import annotations

import difflib
from pathlib import Path
from typing import List

import torch
from mmengine.config import Config

from mmpose_gss.errors import UserError


def config_roots() -> List[Path]:
    """Return the folders that hold shipped configs: in the installed package, or in a source checkout."""
    package = Path(__file__).resolve().parents[1]
    folders = package / '.mim' / 'configs', package.parent / 'configs'
    return [folder for folder in folders if folder.is_dir()]


def find_config(name: str) -> Path:
    """Find a config by path or, as ``mim`` does, by the unique base name of a shipped one.

    Args:
        name (str): Path of a config file, or a base name with or without ``.py``.

    Raises:
        FileNotFoundError: If neither exists, with the closest shipped names.
    """
    if Path(name).is_file():
        return Path(name)
    base = Path(name).name
    base = base if base.endswith('.py') else base + '.py'
    shipped = {}
    for root in config_roots():
        for path in sorted(root.rglob('*.py')):
            if '_base_' not in path.parts:
                shipped.setdefault(path.name, path)
    if base in shipped:
        return shipped[base]
    close = difflib.get_close_matches(base, shipped, n=3, cutoff=0.3)
    hint = (f'the closest shipped names are {", ".join(close)}' if close
            else 'no config is shipped under that name')
    raise FileNotFoundError(
        f'config {name} does not exist, neither as a file nor as a shipped config; {hint}')


def load_config(name: str) -> Config:
    """Read a config given as for :func:`find_config`.

    Raises:
        FileNotFoundError: If there is no such config.
        UserError: If the file is not a config of a model.
    """
    path = find_config(name)
    try:
        cfg = Config.fromfile(str(path))
    except (SyntaxError, OSError, KeyError, TypeError, AttributeError, ImportError, NameError,
            ValueError) as error:
        raise UserError(f'config {path} cannot be read: {error}') from error
    if 'model' not in cfg:
        raise UserError(f'config {path} has no `model`; give the config of an algorithm')
    return cfg


def set_amp(cfg: Config) -> None:
    """Turn on mixed precision: float16 with loss scaling on a GPU, bfloat16 on the CPU.

    Raises:
        UserError: If the config uses another optimiser wrapper already.
    """
    wrapper = cfg.optim_wrapper.get('type', 'OptimWrapper')
    if wrapper not in ('OptimWrapper', 'AmpOptimWrapper', 'mmpose_gss.CPUAmpOptimWrapper'):
        raise UserError(f'--amp does not go with optim_wrapper.type={wrapper!r}; set it to OptimWrapper')
    if torch.cuda.is_available():
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
    else:
        cfg.optim_wrapper.type = 'mmpose_gss.CPUAmpOptimWrapper'
        cfg.optim_wrapper.pop('loss_scale', None)
