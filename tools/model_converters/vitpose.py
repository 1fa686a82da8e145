#!/usr/bin/env python
"""Turn a ViTPose checkpoint of MMPose into one of ``mmpose_gss.DeconvEncoder``.

    python tools/model_converters/vitpose.py td-hm_ViTPose-base_8xb64-210e_coco-256x192.pth \
        checkpoints/vitpose-base_encoder.pth
"""
from __future__ import annotations

import argparse
from typing import List, Optional

from mmpose_gss.engine.cli import run_command
from mmpose_gss.models.vitpose_checkpoint import convert


def main(argv: Optional[List[str]] = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', help="MMPose's checkpoint")
    parser.add_argument('target', help='file to write')
    args = parser.parse_args(argv)
    print(f'{convert(args.source, args.target)} entries written to {args.target}')


if __name__ == '__main__':
    run_command(main)
