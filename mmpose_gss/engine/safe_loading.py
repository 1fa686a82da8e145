"""MMEngine's own ways to a checkpoint, made safe: no code of a file runs, whatever torch's default is.

MMEngine calls ``torch.load`` without ``weights_only``, and ``torch.hub`` passes False for an address, so a
checkpoint named as ``load_from``, ``init_cfg`` or of a detector could run code. All of these come by
``CheckpointLoader.load_checkpoint``, which :func:`load_safely` stands in for.
"""
from __future__ import annotations

import os
import pickle
from contextlib import contextmanager
from logging import Logger
from pathlib import Path
from typing import Any, Callable, Iterator, Optional, Union

from mmengine.runner.checkpoint import CheckpointLoader

from mmpose_gss.engine.checkpoint import allow_runner_checkpoints, read_safely
from mmpose_gss.errors import UserError

_FORCE, _FORCE_NOT = 'TORCH_FORCE_WEIGHTS_ONLY_LOAD', 'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'
_MMENGINES_OWN = CheckpointLoader.load_checkpoint


@contextmanager
def weights_only_forced() -> Iterator[None]:
    """Make every ``torch.load`` one with ``weights_only=True``, also where a caller says False."""
    before = {name: os.environ.pop(name, None) for name in (_FORCE, _FORCE_NOT)}
    os.environ[_FORCE] = '1'
    try:
        yield
    finally:
        del os.environ[_FORCE]
        os.environ.update({name: value for name, value in before.items() if value is not None})


def load_safely(filename: Union[str, Path], map_location: Optional[Union[str, Callable]] = None,
                logger: Optional[Union[Logger, str]] = 'current') -> Any:
    """Stand in for MMEngine's ``CheckpointLoader.load_checkpoint``.

    Args:
        filename (str | Path): A file, or an address that MMEngine knows how to load.
        map_location (str | Callable, optional): Device of what an address gives; files are read to the CPU.
        logger (Logger | str, optional): Where MMEngine says what it loads.

    Returns:
        Any: The content.

    Raises:
        FileNotFoundError: If there is no such file.
        UserError: If it cannot be read, or holds more than weights and log history.
    """
    if '://' not in str(filename):
        return read_safely(Path(filename).expanduser(), mapped=False)
    allow_runner_checkpoints()
    try:
        with weights_only_forced():
            return _MMENGINES_OWN(str(filename), map_location, logger)
    except pickle.UnpicklingError as error:
        raise UserError(
            f'checkpoint {filename} holds objects that are not safe to load ({str(error).splitlines()[0]}); '
            'give one that holds only a state_dict') from error


def install_safe_loading() -> None:
    """Put :func:`load_safely` in the place of MMEngine's loader. Cheap to call again."""
    allow_runner_checkpoints()
    CheckpointLoader.load_checkpoint = staticmethod(load_safely)
