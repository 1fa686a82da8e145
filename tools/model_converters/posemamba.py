#!/usr/bin/env python
"""Convert a checkpoint of the official PoseMamba code to one for MMPose's PoseLifter.

    python tools/model_converters/posemamba.py OFFICIAL.bin|.pth.tr OUT.pth
"""
from __future__ import annotations

import argparse
from typing import List, Optional

from mmpose_gss.engine.cli import run_command
from mmpose_gss.models.posemamba.checkpoint import convert


def main(argv: Optional[List[str]] = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', help='official checkpoint (.bin or .pth.tr)')
    parser.add_argument('target', help='file to write (.pth)')
    args = parser.parse_args(argv)
    report = convert(args.source, args.target)
    backbone = report['model']['backbone']
    print(f"{args.target}: {report['keys']} weights, {report['parameters'] / 1e6:.3f} M parameters; "
          f"embed_dims={backbone['embed_dims']}, depth={backbone['depth']}, "
          f"num_frames={backbone['num_frames']}, in_channels={backbone['in_channels']}")


if __name__ == '__main__':
    run_command(main)
