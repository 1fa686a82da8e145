"""Matlab files: read with a sentence about what is wrong, and in a process of their own.

SciPy's reader ends the whole process (a segmentation fault) on some damaged files.
"""
from __future__ import annotations

import faulthandler
import os
import pickle
from pathlib import Path
from typing import Tuple

from mmpose_gss.errors import UserError


def read_mat(path: Path, unwrap: bool = True) -> dict:
    """Read a Matlab file.

    Args:
        path (Path): The file.
        unwrap (bool): Whether dimensions of one element are dropped. Defaults to True.

    Returns:
        dict: Its variables; structures have attributes.

    Raises:
        FileNotFoundError: If there is no such file.
        UserError: If it is no Matlab file.
    """
    if not path.is_file():
        raise FileNotFoundError(f'"{path}" is missing; unpack the archive that holds it there.')
    import scipy.io.matlab  # noqa: F401 (slow to import: here, once, and not in every child)
    good, content = _in_child(path, unwrap) if hasattr(os, 'fork') else _load(path, unwrap)
    if not good:
        raise UserError(f'"{path}" is no readable Matlab file ({content}); download it again.')
    return content


def _load(path: Path, unwrap: bool) -> Tuple[bool, object]:
    """Give whether it could be read, and the content or else what is wrong."""
    from scipy.io import loadmat
    try:
        return True, loadmat(path, squeeze_me=unwrap, struct_as_record=False)
    except Exception as error:  # SciPy raises errors of many kinds
        return False, ' '.join(f'{type(error).__name__}: {error}'.split())[:200]


def _in_child(path: Path, unwrap: bool) -> Tuple[bool, object]:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(read)
            faulthandler.disable()
            with os.fdopen(write, 'wb') as file:
                pickle.dump(_load(path, unwrap), file, protocol=4)
            status = 0
        finally:
            os._exit(status)
    os.close(write)
    with os.fdopen(read, 'rb') as file:
        answer = file.read()
    _, status = os.waitpid(child, 0)
    if status != 0:
        return False, 'reading it ended the process'
    return pickle.loads(answer)
