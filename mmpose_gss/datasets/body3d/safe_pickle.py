"""Reading pickles of published data sets, untrusted files, without running code they may contain.

Human3.6M and MPI-INF-3DHP lifting data come as pickles of plain containers and NumPy arrays; nothing else
may be in them.
"""
from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any, BinaryIO, Union

import numpy as np
from numpy.lib import format as npy_format

from mmpose_gss.errors import UserError
from mmpose_gss.structures.schema import content_of

_NUMPY_MODULES = ('numpy.core.multiarray', 'numpy._core.multiarray',
                  'numpy.core.numeric', 'numpy._core.numeric')
_ALLOWED = {
    ('numpy', 'ndarray'), ('numpy', 'dtype'), ('_codecs', 'encode'), ('collections', 'OrderedDict'),
    ('collections', 'defaultdict'), ('builtins', 'dict'), ('builtins', 'list'), ('builtins', 'set'),
    *((module, name) for module in _NUMPY_MODULES for name in ('_reconstruct', 'scalar', '_frombuffer')),
}


class _Unpickler(pickle.Unpickler):

    def find_class(self, module: str, name: str) -> Any:
        """Give plain containers and NumPy's classes, and refuse the rest."""
        if (module, name) in _ALLOWED or (module == 'numpy.dtypes' and name.endswith('DType')):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f'it asks for {module}.{name}')


def load_pickle(path: Union[str, Path]) -> Any:
    """Load a pickle of containers and NumPy arrays.

    Args:
        path (str | Path): The file.

    Returns:
        Any: Its content.

    Raises:
        FileNotFoundError: If there is no such file.
        UserError: If it is no pickle, or needs anything but containers and arrays.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'{path} does not exist; check ann_file, data_root and camera_param_file')
    with open(path, 'rb') as file:
        return _unpickle(file, path)


def load_object_npz(path: Union[str, Path], key: str) -> Any:
    """Load an entry of an ``.npz`` file that holds one Python object.

    Args:
        path (str | Path): The file.
        key (str): The entry.

    Returns:
        Any: The object, such as a nested dictionary of arrays.

    Raises:
        FileNotFoundError: If there is no such file.
        UserError: If it is no such file, lacks the entry, or needs anything but containers and arrays.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'{path} does not exist')
    if not zipfile.is_zipfile(path):
        raise UserError(f'{path} is not an .npz file')
    with content_of(str(path), f"an .npz file with an entry '{key}'"):
        content = _object_entry(path, key)
    return content.item() if isinstance(content, np.ndarray) and content.shape == () else content


def _object_entry(path: Path, key: str) -> Any:
    with zipfile.ZipFile(path) as archive:
        if f'{key}.npy' not in archive.namelist():
            names = ', '.join(name[:-4] for name in archive.namelist())
            raise UserError(f"{path} has no entry '{key}'; its entries are: {names}")
        with archive.open(f'{key}.npy') as file:
            version = npy_format.read_magic(file)
            read = npy_format.read_array_header_1_0 if version == (1, 0) else npy_format.read_array_header_2_0
            _, _, dtype = read(file)
            if not dtype.hasobject:
                raise UserError(f"entry '{key}' of {path} is an array of {dtype}, not a dictionary")
            return _unpickle(file, path)


def _unpickle(file: BinaryIO, path: Path) -> Any:
    with content_of(str(path), 'a pickle of plain containers and NumPy arrays'):
        return _Unpickler(file, encoding='latin1').load()
