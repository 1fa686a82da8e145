#!/usr/bin/env python
"""Turn the authors' checkpoint of a method into one of this package.

    python tools/model_converters/official.py tar_vitpose best_model.pt checkpoints/tar-vitpose.pth

The method is a folder of mmpose_gss/models with a ``checkpoint.py`` (tar_vitpose, say), whose
docstring tells the renaming. Every entry of the file is accounted for, or the command names those that are
not.
It prints what the file tells of the model; the README of the method says which config takes it.
"""
from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path
from typing import List, Optional

import torch

import mmpose_gss.models
from mmpose_gss.engine.checkpoint import read_checkpoint
from mmpose_gss.engine.cli import run_command


def methods() -> List[str]:
    """Methods whose official checkpoints can be read."""
    folder = Path(mmpose_gss.models.__file__).parent
    return sorted(path.parent.name for path in folder.glob('*/checkpoint.py')
                  if 'def convert(content' in path.read_text(encoding='utf-8'))


def main(argv: Optional[List[str]] = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('method', choices=methods())
    parser.add_argument('source', type=Path, help="the authors' checkpoint")
    parser.add_argument('target', type=Path, help='file to write')
    args = parser.parse_args(argv)
    state, found = import_module(f'mmpose_gss.models.{args.method}.checkpoint').convert(
        read_checkpoint(args.source))
    args.target.parent.mkdir(parents=True, exist_ok=True)
    state = {key: value.clone() for key, value in state.items()}  # read_checkpoint maps the file
    torch.save(dict(state_dict=state, meta=dict(source=args.source.name, model=found)), args.target)
    settings = ', '.join(f'{key}={value}' for key, value in found.items())
    print(f'{len(state)} entries written to {args.target}; the model has {settings}')


if __name__ == '__main__':
    run_command(main)
