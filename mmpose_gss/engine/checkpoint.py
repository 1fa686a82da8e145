"""Load checkpoints on torch >= 2.6, safely also from untrusted files.

Every file is opened with ``weights_only=True``, which refuses what MMEngine's Runner puts beside the weights
(its log history). The types that are needed are allow-listed here instead of switching the protection off.

:func:`load_checkpoint` is the one way of a file into a model: read, compared with the model, loaded.
"""
from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple, Union

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from torch import Tensor, nn

from mmpose_gss.errors import UserError

_HISTORY_METHODS = ('min', 'max', 'current', 'mean')
_REMEDY = 'give the checkpoint that was trained with this config'


def _history_getattr(owner: object, name: str) -> Callable:
    """Stand in for ``getattr``, which a Runner's checkpoint needs for a HistoryBuffer's statistics only.

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


def read_safely(path: Union[str, Path], mapped: bool = True) -> Any:
    """Read what a file of ``torch.save`` holds, on the CPU, without running code from it.

    Args:
        path (str | Path): The file.
        mapped (bool): As for :func:`read_checkpoint`.

    Returns:
        Any: The content.

    Raises:
        FileNotFoundError: If there is no such file.
        UserError: If it is damaged, or holds more than weights and log history.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'checkpoint {path} does not exist; give the path of a .pth file')
    allow_runner_checkpoints()
    try:
        return torch.load(
            path, map_location='cpu', weights_only=True, mmap=mapped and zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f'checkpoint {path} holds objects that are not safe to load, or is no checkpoint ({reason}); '
            'give a file of this project or one that holds only a state_dict') from error
    except Exception as error:  # noqa: B902 (torch raises KeyError, EOFError, RuntimeError ... on damage)
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(
            f'checkpoint {path} cannot be read ({reason}); it is truncated or no checkpoint, '
            'copy or download it again') from error


def read_checkpoint(path: Union[str, Path], mapped: bool = True) -> Dict:
    """Read a checkpoint file with all tensors on the CPU, without running code from it.

    Args:
        path (str | Path): A ``.pth`` file of MMEngine's Runner or a bare ``state_dict``.
        mapped (bool): Whether tensors stay in the file until they are used, so that a check of names and
            shapes does not pull gigabytes from the disk. False for tensors that outlive the file.

    Returns:
        dict: The content, with the entry ``state_dict``.

    Raises:
        FileNotFoundError: If there is no such file.
        UserError: If the file is no checkpoint, or holds more than weights and log history.
    """
    content = read_safely(path, mapped)
    if not isinstance(content, dict):
        raise UserError(f'checkpoint {path} holds a {type(content).__name__}; it must hold a state_dict')
    if 'state_dict' not in content:
        content = {'state_dict': content}
    if content.get('meta') is None:
        content.pop('meta', None)
    if not isinstance(content.get('meta', {}), dict):
        raise UserError(f'checkpoint {path}: meta is a {type(content["meta"]).__name__}; it must hold '
                        'entries by name, or be left out')
    if not isinstance(content['state_dict'], dict):
        raise UserError(f'checkpoint {path}: state_dict is a {type(content["state_dict"]).__name__}; it must '
                        'hold tensors by name')
    return content


def load_checkpoint(model: nn.Module, path: Union[str, Path], owner: str = 'the config', *,
                    prefix: str = '', leave_out: Tuple[str, ...] = (), exact: bool = False,
                    remedy: str = _REMEDY, content: Optional[Dict] = None) -> Dict:
    """Load a model's weights from a file, or refuse the file if it belongs to another model.

    Args:
        model (nn.Module): The model, not wrapped for distributed training.
        path (str | Path): The checkpoint; opened once.
        owner (str): How a message names what the model is built from.
        prefix (str): Only entries below it are taken, without it: the part of a larger model.
        leave_out (tuple[str]): Beginnings of further entries that are not taken.
        exact (bool): Whether entries that the model does not have are refused, too.
        remedy (str): The end of a message: what to give instead.
        content (dict, optional): What :func:`read_checkpoint` has given of this file already.

    Returns:
        dict: The content of the file, ``state_dict`` as it was loaded.

    Raises:
        FileNotFoundError: If there is no such file.
        UserError: If it cannot be read or belongs to another model, see :func:`check_fits`.
    """
    try:
        content = read_checkpoint(path) if content is None else content
    except FileNotFoundError as error:
        if remedy is _REMEDY:
            raise
        raise FileNotFoundError(f'checkpoint {path} does not exist; {remedy}') from error
    state = strip_module(content['state_dict'])
    state = {key[len(prefix):]: value for key, value in state.items() if key.startswith(prefix)}
    content['state_dict'] = {key: value for key, value in state.items() if not key.startswith(leave_out)}
    check_fits(model, content['state_dict'], path, owner, exact, remedy)
    model.load_state_dict(content['state_dict'], strict=False)
    return content


def strip_module(state: Dict[str, Tensor]) -> Dict[str, Tensor]:
    """Return the entries without the ``module.`` that a wrapper for distributed training puts in front."""
    return {str(key).removeprefix('module.'): value for key, value in state.items()}


def check_fits(model: nn.Module, state: Dict[str, Tensor], path: Union[str, Path], owner: str = 'the config',
               exact: bool = False, remedy: str = _REMEDY) -> None:
    """Refuse the weights of another model before anything is computed with them.

    Args:
        model (nn.Module): The model that the weights are meant for.
        state (dict[str, Tensor]): The weights, by the model's names.
        path (str | Path): The file they come from, for the message.
        owner (str): How the message names what the model is built from.
        exact (bool): Whether entries that the model does not have are a fault.
        remedy (str): The end of the message.

    Raises:
        UserError: If entries are missing, have other shapes or, with ``exact``, are too many; the message
            names the first of each.
    """
    own = model.state_dict()
    missing = [key for key in own if key not in state]
    other = [key for key in own
             if key in state and tuple(own[key].shape) != tuple(getattr(state[key], 'shape', (None, )))]
    more = [key for key in state if key not in own] if exact else []
    faults = []
    if missing:
        faults.append(f'{_first(missing)} of {len(own)} entries are missing')
    if other:
        key = other[0]
        found = tuple(state[key].shape) if isinstance(state[key], Tensor) else type(state[key]).__name__
        faults.append(f'{_first(other)} have another shape ({found} in the file, {tuple(own[key].shape)} in '
                      'the model)')
    if more:
        faults.append(f'{_first(more)} are none of the model')
    if faults:
        raise UserError(
            f'checkpoint {path} belongs to another model than {owner}: {"; ".join(faults)}; {remedy}')


def _first(names: List[str]) -> str:
    return f'{len(names)} (first: {names[0]})'
