"""Load the C++ kernels and call them through ctypes.

The library ``_C*.so`` beside this file is plain C at its border: it knows neither Python's nor torch's
headers, so one binary serves every version of torch, and a call releases the interpreter lock. It is never
imported.
"""
import ctypes
from functools import lru_cache
from pathlib import Path
from typing import List, Optional, Sequence, Tuple

import torch
from torch import Tensor

_COUNTS = ('is_double', 'softplus', 'batch', 'dim', 'len', 'states', 'groups', 'orders', 'merges', 'panels',
           'threads')
_INPUTS = ('u', 'delta', 'A', 'B', 'C', 'D', 'bias', 'z')
_INPUT_STRIDES = ('u_k', 'u_b', 'u_d', 'u_l', 'delta_k', 'delta_b', 'delta_d', 'delta_l', 'A_k', 'A_d', 'A_n',
                  'B_k', 'B_b', 'B_g', 'B_n', 'B_l', 'C_k', 'C_b', 'C_g', 'C_n', 'C_l', 'D_k', 'bias_k',
                  'z_b', 'z_d', 'z_l')


def fields(kind: type, names: Sequence[str]) -> List[Tuple[str, type]]:
    """Make fields of a ctypes structure: one kind, several names."""
    return [(name, kind) for name in names]


class ScanArgs(ctypes.Structure):
    """Mirror of ``ScanArgs`` in csrc/scan_args.h, field by field."""
    _fields_ = [
        *fields(ctypes.c_int64, _COUNTS), *fields(ctypes.c_void_p, _INPUTS),
        *fields(ctypes.c_int64, _INPUT_STRIDES),
        *fields(ctypes.c_void_p, ('index', 'first', 'merge', 'y')),
        *fields(ctypes.c_int64, ('y_m', 'y_b', 'y_d', 'y_l')),
        *fields(ctypes.c_void_p, ('boundary', 'last', 'dy', 'dlast')),
        *fields(ctypes.c_int64, ('dy_m', 'dy_b', 'dy_d', 'dy_l')),
        *fields(ctypes.c_void_p, ('du', 'ddelta', 'dz')),
        *fields(ctypes.c_int64, ('du_k', 'du_b', 'du_d', 'du_l', 'ddelta_k', 'ddelta_b', 'ddelta_d',
                                 'ddelta_l', 'dz_b', 'dz_d', 'dz_l')),
        *fields(ctypes.c_void_p, ('dA', 'dD', 'dbias', 'dB', 'dC')),
        *fields(ctypes.c_int64, ('dB_k', 'dC_k')),
    ]


@lru_cache(maxsize=1)
def _load() -> Tuple[Optional[ctypes.CDLL], str]:
    """Load the library, or say what went wrong."""
    folder = Path(__file__).resolve().parent
    files = sorted(folder.glob('_C*.so')) + sorted(folder.glob('_C*.pyd'))
    problem = (
        'the C++ extension of mmpose_gss.ops was not built (install a C++ compiler such as g++ and reinstall '
        'mmpose_gss)')
    for path in files:
        try:
            library = ctypes.CDLL(str(path))
            library.simd_variant.restype = ctypes.c_char_p
            library.scan_constant.restype = ctypes.c_int64
            if library.scan_constant(ctypes.c_int64(2)) == ctypes.sizeof(ScanArgs):
                return library, ''
            problem = (f'the C++ extension {path.name} is of another version of mmpose_gss: '
                       'reinstall the package')
        except (OSError, AttributeError) as error:  # another platform's file, or a broken build
            problem = f'the C++ extension {path.name} cannot be loaded ({error})'
    return None, problem


@torch.compiler.assume_constant_result  # compilers must not trace the search for the file
def problem() -> Optional[str]:
    """Say why the kernels cannot be used, or None if they can."""
    return _load()[1] or None


def simd_variant() -> str:
    """Name the instruction set in use: ``avx512``, ``avx2`` or ``generic``.

    The environment variable MMPOSE_GSS_SIMD, set before the process starts, chooses one that the processor
    has.
    """
    return _load()[0].simd_variant().decode()


@lru_cache(maxsize=1)
def tile_sizes() -> Tuple[int, int]:
    """Return the tokens between two stored states, and channels in a block."""
    library = _load()[0]
    return library.scan_constant(ctypes.c_int64(0)), library.scan_constant(ctypes.c_int64(1))


def address(x: Optional[Tensor]) -> Optional[int]:
    """Return the address of a tensor's first element; None for None and for empty tensors."""
    return None if x is None or x.numel() == 0 else x.data_ptr()


def large_pages(x: Tensor) -> None:
    """Put large pages under a fresh, large tensor, which is dense in memory and will be written whole."""
    if x.numel() * x.element_size() >= 1 << 24:
        _load()[0].give_large_pages(ctypes.c_void_p(x.data_ptr()),
                                    ctypes.c_int64(x.numel() * x.element_size()))


def threads_for(work: int, grain: int) -> int:
    """Count the threads worth starting for some amount of work."""
    return max(1, min(torch.get_num_threads(), work // grain))


def call(name: str, args: ctypes.Structure) -> None:
    """Run a kernel on its arguments.

    Raises:
        MemoryError: The kernel's small work space could not be had.
    """
    function = getattr(_load()[0], name)
    function.restype = ctypes.c_int64
    if function(ctypes.byref(args)):
        raise MemoryError(f'{name}: no memory for the work space')
