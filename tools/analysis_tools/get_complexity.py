#!/usr/bin/env python
"""Count parameters and multiply-adds of a model, per module and in two ways.

    python tools/analysis_tools/get_complexity.py CONFIG [--shape 1 5 3 256 192] [--depth 2]

``paper``     what the profilers behind the papers' tables see: linear layers and convolutions.
``complete``  also attention's matrix products, selective scans and deformable convolutions.

The conventions are those of ``mmpose_gss/ops/flops.py``; docs/ops.md has them, too.
"""
from __future__ import annotations

import argparse
from typing import List, Optional

from mmengine.config import DictAction
from mmengine.registry import init_default_scope

from mmpose_gss.engine.cli import run_command
from mmpose_gss.engine.complexity import Complexity, count_complexity, default_shape
from mmpose_gss.engine.config import load_config
from mmpose_gss.registry import MODELS


def report(result: Complexity, depth: int) -> str:
    """Write the counts of modules down to ``depth`` as a table."""
    rows = [('module', 'params', 'trainable', 'paper [G]', 'complete [G]')]
    for name in result.params:
        if name and name.count('.') >= depth or not (result.params[name] or result.complete.get(name)):
            continue
        rows.append((name or '(whole model)', f'{result.params[name]:,}', f'{result.trainable[name]:,}',
                     f'{result.paper[name] / 1e9:.3f}', f'{result.complete[name] / 1e9:.3f}'))
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    return '\n'.join('  '.join(cell.ljust(width) if i == 0 else cell.rjust(width)
                               for i, (cell, width) in enumerate(zip(row, widths))) for row in rows)


def main(argv: Optional[List[str]] = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config file, or the base name of a shipped one')
    parser.add_argument('--shape', type=int, nargs='+', help='shape of the input; default: one sample')
    parser.add_argument('--depth', type=int, default=2, help='levels of modules to list')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={}, help='override the config')
    args = parser.parse_args(argv)
    cfg = load_config(args.config)
    cfg.merge_from_dict(args.cfg_options)
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    shape = tuple(args.shape or default_shape(cfg))
    result = count_complexity(MODELS.build(cfg.model), shape)
    print(report(result, args.depth))
    print(f'\ninput {shape}: {result.trainable[""] / 1e6:.2f} M trainable of {result.params[""] / 1e6:.2f} M '
          f'parameters, {result.paper[""] / 1e9:.1f} G multiply-adds as the papers count, '
          f'{result.complete[""] / 1e9:.1f} G complete')


if __name__ == '__main__':
    run_command(main)
