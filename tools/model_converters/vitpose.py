#!/usr/bin/env python
"""Turn a ViTPose checkpoint of MMPose into one of ``mmpose_gss.DeconvEncoder``.

    python tools/model_converters/vitpose.py td-hm_ViTPose-base_8xb64-210e_coco-256x192.pth \
        checkpoints/vitpose-base_encoder.pth

MMPose's names (``TopdownPoseEstimator`` with ``mmpretrain.VisionTransformer`` and ``HeatmapHead``) become

    backbone.*              backbone.*           the vision transformer
    head.deconv_layers.*    deconv_layers.*      two deconvolutions with batch normalisation
    head.final_layer.*      (dropped)            the head is trained anew

An encoder without deconvolutions (GLSMamba-BLR) takes what it needs from the same file.
"""
from __future__ import annotations

import argparse
from pathlib import Path
from typing import Dict, List, Optional

import torch
from torch import Tensor

from mmpose_gss.engine.checkpoint import read_checkpoint

KEPT = {'backbone.': 'backbone.', 'head.deconv_layers.': 'deconv_layers.'}
DROPPED = ('head.final_layer.', 'data_preprocessor.')


def convert(state: Dict[str, Tensor]) -> Dict[str, Tensor]:
    """Rename the entries of a ViTPose ``state_dict``.

    Args:
        state (dict[str, Tensor]): MMPose's entries.

    Returns:
        dict[str, Tensor]: Entries of a :class:`~mmpose_gss.models.deconv_encoder.DeconvEncoder`.

    Raises:
        ValueError: If an entry is none of a ViTPose model, or the model's are missing.
    """
    converted, unknown = {}, []
    for key, value in state.items():
        for old, new in KEPT.items():
            if key.startswith(old):
                converted[new + key[len(old):]] = value
                break
        else:
            if not key.startswith(DROPPED):
                unknown.append(key)
    if unknown:
        raise ValueError(f'{len(unknown)} entries are none of a ViTPose model of MMPose, the first is '
                         f'{unknown[0]!r}; give a checkpoint of a td-hm_ViTPose-* config.')
    for needed, what in (('backbone.pos_embed', 'vision transformer'),
                         ('deconv_layers.0.weight', 'deconvolutions')):
        if needed not in converted:
            raise ValueError(
                f'The checkpoint has no {what} ({needed!r} after renaming); give a checkpoint of a '
                f'td-hm_ViTPose-* config (not of -simple).')
    return converted


def main(argv: Optional[List[str]] = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', type=Path, help="MMPose's checkpoint")
    parser.add_argument('target', type=Path, help='file to write')
    args = parser.parse_args(argv)
    try:
        state = convert(read_checkpoint(args.source)['state_dict'])
    except (FileNotFoundError, ValueError) as error:
        parser.exit(1, f'{args.source}: {error}\n')
    args.target.parent.mkdir(parents=True, exist_ok=True)
    state = {key: value.clone() for key, value in state.items()}  # read_checkpoint maps the file
    torch.save(dict(state_dict=state, meta=dict(source=args.source.name)), args.target)
    print(f'{len(state)} entries written to {args.target}')


if __name__ == '__main__':
    main()
