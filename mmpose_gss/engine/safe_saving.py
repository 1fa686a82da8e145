"""Checkpoints are written whole, and the one before is kept until the new one is whole."""
from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, List, Optional, Set, Tuple

import mmengine.runner.runner as mmengine_runner
import torch
from mmengine.fileio.backends import BaseStorageBackend
from mmengine.logging import MMLogger

from mmpose_gss.engine.checkpoint import read_checkpoint
from mmpose_gss.errors import UserError
from mmpose_gss.structures.whole_file import whole_file

POINTER = 'last_checkpoint'
_NUMBERED = re.compile(r'^(epoch|iter)_(\d+)\.pth$')


def save_whole(checkpoint: dict, filename: str, file_client_args: Optional[dict] = None,
               backend_args: Optional[dict] = None) -> None:
    """Stand in for MMEngine's ``save_checkpoint`` where the Runner saves: local files aside, then renamed.

    Args:
        checkpoint (dict): What to save.
        filename (str): A file, or an address, which is left to MMEngine.
        file_client_args (dict, optional): As in MMEngine.
        backend_args (dict, optional): As in MMEngine.

    Raises:
        UserError: If the disk is full; what was there stays.
    """
    if '://' in filename or file_client_args is not None or backend_args is not None:
        _MMENGINES_OWN(checkpoint, filename, file_client_args, backend_args)
        return
    try:
        with whole_file(filename, binary=True) as file:
            torch.save(checkpoint, file)
    except RuntimeError as error:                  # how torch's zip writer says that the disk is full
        raise UserError(f'cannot write "{filename}" ({str(error).splitlines()[0]}); free space there and '
                        'resume.') from error


_MMENGINES_OWN = mmengine_runner.save_checkpoint


class RemovesLater:
    """A file backend of MMEngine's CheckpointHook that removes when the next checkpoint is whole.

    The hook removes the oldest checkpoint before it writes the next; with ``max_keep_ckpts=1`` there would be
    none between.

    Args:
        backend (BaseStorageBackend): The backend, which does everything else.
    """

    def __init__(self, backend: BaseStorageBackend) -> None:
        self._backend = backend
        self._waiting: List[str] = []

    def __getattr__(self, name: str) -> Any:
        """Give what the backend has."""
        return getattr(self._backend, name)

    def remove(self, path: str) -> None:
        """Note a file that is to be removed."""
        self._waiting.append(str(path))

    def flush(self, saved: str) -> None:
        """Remove what was noted, but the file that has just been saved."""
        waiting, self._waiting = self._waiting, []
        for path in waiting:
            if os.path.abspath(path) != os.path.abspath(saved) and self._backend.isfile(path):
                self._backend.remove(path)


def install_whole_saving() -> None:
    """Put :func:`save_whole` in the place of what MMEngine's Runner saves with. Cheap to call again."""
    mmengine_runner.save_checkpoint = save_whole


def latest_whole(work_dir: str) -> Tuple[Optional[str], Optional[dict]]:
    """Find the last checkpoint of a work folder that can be read.

    Args:
        work_dir (str): The folder.

    Returns:
        tuple: Its path and content; None and None if there is no checkpoint.

    Raises:
        UserError: If there are checkpoints, but none can be read.
    """
    tried: List[str] = []
    for path in _candidates(Path(work_dir)):
        try:
            content = read_checkpoint(path, mapped=False)
        except (UserError, FileNotFoundError) as error:
            tried.append(str(error))
            MMLogger.get_current_instance().warning(f'{error}. The checkpoint before it is tried.')
            continue
        return str(path), content
    if tried:
        raise UserError(f'no checkpoint of {work_dir} can be read ({len(tried)} were tried; {tried[0]})')
    return None, None


def _candidates(folder: Path) -> List[Path]:
    """The checkpoint that the folder names as the last, then the numbered ones, newest first."""
    pointer = folder / POINTER
    named = pointer.read_text().strip() if pointer.is_file() else ''
    paths = [path for path in (Path(named), folder / Path(named).name) if named and path.is_file()][:1]
    numbered = [path for path in folder.glob('*.pth') if _NUMBERED.match(path.name)]
    numbered.sort(key=lambda path: int(_NUMBERED.match(path.name).group(2)), reverse=True)
    seen: Set[Path] = set()
    return [path for path in [*paths, *numbered] if not (path.resolve() in seen or seen.add(path.resolve()))]
