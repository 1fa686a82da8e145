"""Loading checkpoints on torch >= 2.6, safely also when they come from strangers.

``torch.load`` defaults to ``weights_only=True`` since torch 2.6, which refuses what MMEngine's Runner puts
beside the weights (its log history). The types that are needed are allow-listed here instead of switching
the protection off.
"""
from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Dict, List, Union

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from torch import nn

_HISTORY_METHODS = ('min', 'max', 'current', 'mean')


def _history_getattr(owner: object, name: str):
    """The one use of ``getattr`` in a Runner's checkpoint: the statistics of a HistoryBuffer.

    Allow-listing the builtin itself would let a file reach (and, with pickle's SETITEM, overwrite) the
    globals of any function.
    """
    if owner is HistoryBuffer and name in _HISTORY_METHODS:
        return getattr(HistoryBuffer, name)
    raise pickle.UnpicklingError(f'a checkpoint may not ask for the attribute {name!r} of {owner!r}')


def allow_runner_checkpoints() -> None:
    """Let ``torch.load(weights_only=True)`` read what MMEngine's Runner writes. Cheap to call again."""
    if not hasattr(torch.serialization, 'add_safe_globals'):  # torch < 2.4 has no allow-list
        return
    multiarray = np.core.multiarray if np.__version__.startswith('1.') else np._core.multiarray
    numpy_types = [value for name, value in vars(np.dtypes).items() if name.endswith('DType')] \
        if hasattr(np, 'dtypes') else []
    # bytes: how an empty array (a data set without sigmas) is pickled
    allowed = [HistoryBuffer, bytes, np.ndarray, np.dtype, multiarray._reconstruct, multiarray.scalar,
               *numpy_types]
    named = [(_history_getattr, 'builtins.getattr')]
    if np.__version__.startswith('2.'):  # files written under numpy 1 spell the module differently
        named += [(multiarray._reconstruct, 'numpy.core.multiarray._reconstruct'),
                  (multiarray.scalar, 'numpy.core.multiarray.scalar')]
    else:
        named += [(multiarray._reconstruct, 'numpy._core.multiarray._reconstruct'),
                  (multiarray.scalar, 'numpy._core.multiarray.scalar')]
    torch.serialization.add_safe_globals(allowed)
    try:
        torch.serialization.add_safe_globals(named)
    except (TypeError, AttributeError):  # renamed entries came with torch 2.6, where they are first needed
        pass


def read_checkpoint(path: Union[str, Path]) -> Dict:
    """Read a checkpoint file with all tensors on the CPU, without running code from it.

    Args:
        path (str | Path): A ``.pth`` file of MMEngine's Runner or a bare ``state_dict``.

    Returns:
        dict: The content, with the entry ``state_dict``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no checkpoint, or holds more than weights and log history.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'checkpoint {path} does not exist; give the path of a .pth file')
    allow_runner_checkpoints()
    try:
        # Mapped, not read: a check of names and shapes does not pull gigabytes from the disk.
        content = torch.load(path, map_location='cpu', weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f'checkpoint {path} holds objects that are not safe to load, or is no checkpoint ({reason}); '
            'give a file of this project or one that holds only a state_dict') from error
    except Exception as error:  # noqa: B902 (torch raises KeyError, EOFError, RuntimeError ... on damage)
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f'checkpoint {path} cannot be read ({reason}); it is truncated or no checkpoint, '
            'copy or download it again') from error
    if not isinstance(content, dict):
        raise ValueError(f'checkpoint {path} holds a {type(content).__name__}; it must hold a state_dict')
    if 'state_dict' not in content:
        content = {'state_dict': content}
    return content


def _first(names: List[str]) -> str:
    return f'{len(names)} (first: {names[0]})'


def check_checkpoint_fits(model: nn.Module, path: Union[str, Path], config_name: str = 'the config') -> None:
    """Refuse a checkpoint of another model before anything is computed with it.

    Args:
        model (nn.Module): The model that the checkpoint is meant for.
        path (str | Path): The checkpoint.
        config_name (str): How the message names the model's config.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If parameters are missing or have other shapes, with the first of each.
    """
    state = {key[len('module.'):] if key.startswith('module.') else key: value
             for key, value in read_checkpoint(path)['state_dict'].items()}
    own = model.state_dict()
    missing = [key for key in own if key not in state]
    other = [key for key in own if key in state and tuple(own[key].shape) != tuple(state[key].shape)]
    if not missing and not other:
        return
    faults = []
    if missing:
        faults.append(f'{_first(missing)} of {len(own)} entries are missing')
    if other:
        key = other[0]
        faults.append(f'{_first(other)} have another shape ({tuple(state[key].shape)} in the file, '
                      f'{tuple(own[key].shape)} in the model)')
    raise ValueError(
        f'checkpoint {path} belongs to another model than {config_name}: ' + '; '.join(faults)
        + '; give the checkpoint that was trained with this config')
