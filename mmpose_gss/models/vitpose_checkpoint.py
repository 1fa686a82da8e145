"""ViTPose checkpoints of MMPose as checkpoints of :class:`mmpose_gss.DeconvEncoder`.

MMPose's names (``TopdownPoseEstimator`` with ``mmpretrain.VisionTransformer`` and ``HeatmapHead``) become

```
backbone.*              backbone.*           the vision transformer
head.deconv_layers.*    deconv_layers.*      two deconvolutions with batch normalisation
head.final_layer.*      (dropped)            the head is trained anew
```

An encoder without deconvolutions (GLSMamba-BLR) takes what it needs from the same file.
"""
from __future__ import annotations

from pathlib import Path
from typing import Dict, Mapping, Union

import torch
from torch import Tensor

from mmpose_gss.engine.checkpoint import read_checkpoint
from mmpose_gss.errors import UserError

#: MMPose's prefix → ours.
KEPT = {'backbone.': 'backbone.', 'head.deconv_layers.': 'deconv_layers.'}
#: The head is trained anew.
DROPPED = ('head.final_layer.', 'data_preprocessor.')


def rename(state: Mapping[str, Tensor]) -> Dict[str, Tensor]:
    """Rename the entries of a ViTPose ``state_dict``.

    Args:
        state (dict[str, Tensor]): MMPose's entries.

    Returns:
        dict[str, Tensor]: Entries of a :class:`~mmpose_gss.models.deconv_encoder.DeconvEncoder`.

    Raises:
        UserError: If an entry is none of a ViTPose model, or the model's are missing.
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
        raise UserError(f'{len(unknown)} entries are none of a ViTPose model of MMPose, the first is '
                         f'{unknown[0]!r}; give a checkpoint of a td-hm_ViTPose-* config.')
    for needed, what in (('backbone.pos_embed', 'vision transformer'),
                         ('deconv_layers.0.weight', 'deconvolutions')):
        if needed not in converted:
            raise UserError(
                f'The checkpoint has no {what} ({needed!r} after renaming); give a checkpoint of a '
                f'td-hm_ViTPose-* config (not of -simple).')
    return converted


def convert(source: Union[str, Path], target: Union[str, Path]) -> int:
    """Convert a file.

    Args:
        source (str | Path): MMPose's checkpoint.
        target (str | Path): Where to write ours; missing folders are made.

    Returns:
        int: Number of entries written.

    Raises:
        FileNotFoundError: If the source does not exist.
        UserError: If it is no checkpoint of a ViTPose model.
    """
    source, target = Path(source), Path(target)
    state = rename(read_checkpoint(source)['state_dict'])
    target.parent.mkdir(parents=True, exist_ok=True)
    state = {key: value.clone() for key, value in state.items()}  # read_checkpoint maps the file
    torch.save(dict(state_dict=state, meta=dict(source=source.name)), target)
    return len(state)
