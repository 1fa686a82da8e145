"""``selective_scan``: check the input and hand it to a backend.

Legend: B batch, D channels, L tokens, N states, G groups of channels sharing B and C.
"""
import warnings
from functools import lru_cache
from typing import Dict, Optional, Tuple, Union

import torch
from torch import Tensor

from mmpose_gss.ops.flops import MultiplyAdds, counted, scan_multiply_adds
from mmpose_gss.ops.scan.backends import cpu, mamba_ssm, triton
from mmpose_gss.ops.scan.chunked import selective_scan_chunked
from mmpose_gss.ops.scan.inputs import ScanBackend, ScanInputs
from mmpose_gss.ops.scan.naive import selective_scan_naive

BACKENDS = ('naive', 'chunked', 'cpu', 'triton', 'mamba')
MAX_STATES = 256

_RUN: Dict[str, ScanBackend] = dict(
    naive=selective_scan_naive,
    chunked=selective_scan_chunked,
    cpu=cpu.selective_scan_cpu,
    triton=triton.selective_scan_triton,
    mamba=mamba_ssm.selective_scan_mamba)
_MISSING = dict(cpu=cpu.missing, triton=triton.missing, mamba=mamba_ssm.missing)


def missing_for(backend: str, device: torch.device, dtype: torch.dtype) -> Optional[str]:
    """Say what keeps a backend from running for tensors of a device and type, or None if nothing does.

    Raises:
        ValueError: Unknown backend.
    """
    if backend not in BACKENDS:
        raise ValueError(f'unknown backend {backend!r}: choose one of {", ".join(BACKENDS)} or auto')
    return _MISSING[backend](device, dtype) if backend in _MISSING else None


@lru_cache(maxsize=1)
def _warn_slow(reason: str) -> None:
    warnings.warn(
        f"mmpose_gss.ops uses its pure torch scan ('chunked'), which is several times slower: {reason}",
        RuntimeWarning,
        stacklevel=5)  # the caller of the operator


@torch.compiler.assume_constant_result
def choose_backend(backend: str, device: torch.device, dtype: torch.dtype) -> str:
    """Choose the backend to run: the asked one if it can, for ``auto`` the fastest that can.

    Raises:
        ValueError: Unknown backend.
        RuntimeError: The asked backend cannot run; the message names what is missing.
    """
    if backend != 'auto':
        reason = missing_for(backend, device, dtype)
        if reason is not None:
            raise RuntimeError(f'the backend {backend!r} cannot run: {reason}')
        return backend
    if device.type == 'meta':
        return 'cpu'  # shapes alone: its operators tell them without computing
    if torch.jit.is_tracing() or torch.onnx.is_in_onnx_export():
        return 'chunked'  # plain torch operators, which an exporter can translate
    for name in {'cpu': ('cpu',), 'cuda': ('triton', 'mamba')}.get(device.type, ()):
        reason = missing_for(name, device, dtype)
        if reason is None:
            return name
        if device.type == 'cpu':
            _warn_slow(reason)
    return 'chunked'


def check_same(tensors: Dict[str, Optional[Tensor]], like: str, wide: Tuple[str, ...] = ()) -> None:
    """Check that tensors share device and floating type with ``tensors[like]``.

    Args:
        tensors (dict): Name to tensor or None.
        like (str): Name of the leading tensor.
        wide (tuple[str]): Names that may be float32 beside a half type.
    """
    lead = tensors[like]
    if lead.dtype not in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        raise ValueError(f'{like} must be float16, bfloat16, float32 or float64, got {lead.dtype}')
    half = lead.dtype in (torch.float16, torch.bfloat16)
    for name, x in tensors.items():
        if x is None:
            continue
        if x.device != lead.device:
            raise ValueError(f'{name} is on {x.device} but {like} on {lead.device}: move them to one device')
        if x.dtype != lead.dtype and not (half and name in wide and x.dtype == torch.float32):
            also = ' (or float32)' if half and name in wide else ''
            raise ValueError(
                f'{name} is {x.dtype} but {like} is {lead.dtype}: {name} must be {lead.dtype}{also}')


def _check_shapes(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Optional[Tensor],
                  z: Optional[Tensor], delta_bias: Optional[Tensor]) -> None:
    if u.dim() != 3:
        raise ValueError(f'u must be (B, D, L), got the shape {tuple(u.shape)}')
    batch, dim, length = u.shape
    if dim == 0 or length == 0:
        raise ValueError(f'u must have at least one channel and one token, got the shape {tuple(u.shape)}')
    for name, x in (('delta', delta), ('z', z)):
        if x is not None and x.shape != u.shape:
            raise ValueError(f'{name} must have the shape of u, {tuple(u.shape)}, got {tuple(x.shape)}')
    if A.dim() != 2 or A.shape[0] != dim or A.shape[1] == 0:
        raise ValueError(f'A must be (D, N) with D = {dim} and N at least 1, got the shape {tuple(A.shape)}')
    states = A.shape[1]
    if states > MAX_STATES:
        raise ValueError(f'A has N = {states} states, at most {MAX_STATES} are supported')
    for name, x in (('B', B), ('C', C)):
        if x.shape == (batch, states, length):
            continue
        if x.dim() != 4 or x.shape[1] == 0 or x.shape != (batch, x.shape[1], states,
                                                          length) or dim % x.shape[1]:
            raise ValueError(
                f'{name} must be (B, N, L) = {(batch, states, length)} or (B, G, N, L) with G dividing '
                f'D = {dim}, got the shape {tuple(x.shape)}')
    if (B.shape[1] if B.dim() == 4 else 1) != (C.shape[1] if C.dim() == 4 else 1):
        raise ValueError(f'B and C must have equally many groups, got {tuple(B.shape)} and {tuple(C.shape)}')
    for name, x in (('D', D), ('delta_bias', delta_bias)):
        if x is not None and x.shape != (dim,):
            raise ValueError(f'{name} must be (D,) with D = {dim}, got the shape {tuple(x.shape)}')


def _multiply_adds(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Optional[Tensor] = None,
                   z: Optional[Tensor] = None, delta_bias: Optional[Tensor] = None,
                   delta_softplus: bool = False, return_last_state: bool = False, *,
                   backend: str = 'auto') -> MultiplyAdds:
    """Count one scan of (B, D, L)."""
    return MultiplyAdds(other=scan_multiply_adds(u.numel(), 1, A.shape[-1], D is not None))


@counted(_multiply_adds)
def selective_scan(u: Tensor,
                   delta: Tensor,
                   A: Tensor,
                   B: Tensor,
                   C: Tensor,
                   D: Optional[Tensor] = None,
                   z: Optional[Tensor] = None,
                   delta_bias: Optional[Tensor] = None,
                   delta_softplus: bool = False,
                   return_last_state: bool = False,
                   *,
                   backend: str = 'auto') -> Union[Tensor, Tuple[Tensor, Tensor]]:
    """Run the selective scan of Mamba, with the signature and shapes of mamba-ssm's ``selective_scan_fn``.

    ``h_l = exp(Δ_l A) h_{l-1} + Δ_l B_l u_l``, ``y_l = (C_l h_l + D u_l) · silu(z_l)``; Δ = delta +
    delta_bias, through softplus if asked. The state is float32 for half and single types, float64 for double.

    Args:
        u (Tensor): (B, D, L), float16, bfloat16, float32 or float64; may be non-contiguous, the batch may be
            empty.
        delta (Tensor): (B, D, L).
        A (Tensor): (D, N), real, N at most 256.
        B, C (Tensor): (B, N, L), or (B, G, N, L) with G groups of D / G neighbouring channels.
        D (Tensor | None): (D,).
        z (Tensor | None): (B, D, L), gate.
        delta_bias (Tensor | None): (D,).
        delta_softplus (bool): Whether Δ passes through softplus.
        return_last_state (bool): Whether to return the state after the last token, too.
        backend (str): ``naive`` (a loop), ``chunked`` (pure torch), ``cpu`` (C++), ``triton``, ``mamba``
            (mamba-ssm), or ``auto``: the fastest that can run.

    All of u, delta, B, C, z have one type and all tensors one device; A, D, delta_bias have that type too,
    and may be float32 when it is a half type.

    Returns:
        Tensor | tuple[Tensor, Tensor]: Output (B, D, L) in the type of ``u``; with ``return_last_state``
        also the last state (B, D, N) in float32 (float64 for double input). Both are differentiable
        (``mamba``: the output).

    Raises:
        ValueError: Wrong shapes, mixed devices or types, complex A, more than 256 states, unknown backend.
        RuntimeError: The asked backend cannot run here; the message names what is missing.
    """
    if A.is_complex():
        raise ValueError('A is complex: only real A is supported, pass its real part')
    _check_shapes(u, delta, A, B, C, D, z, delta_bias)
    check_same(dict(u=u, delta=delta, B=B, C=C, z=z, A=A, D=D, delta_bias=delta_bias), 'u',
               wide=('A', 'D', 'delta_bias'))
    run = _RUN[choose_backend(backend, u.device, u.dtype)]
    B, C = (x.unsqueeze(1) if x.dim() == 3 else x for x in (B, C))
    out, state = run(ScanInputs(u, delta, A, B, C, D, z, delta_bias, delta_softplus))
    return (out, state) if return_last_state else out
