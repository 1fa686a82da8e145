"""Matlab files: read with a sentence about what is wrong."""
from __future__ import annotations

from pathlib import Path

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
    from scipy.io import loadmat  # not needed for JSON files, and slow to import
    if not path.is_file():
        raise FileNotFoundError(f'"{path}" is missing; unpack the archive that holds it there.')
    try:
        return loadmat(path, squeeze_me=unwrap, struct_as_record=False)
    except Exception as error:  # SciPy raises errors of many kinds
        raise UserError(f'"{path}" is no readable Matlab file ({error}); download it again.') from error
