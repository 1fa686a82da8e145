"""The selective scan in Triton, registered with torch.library; kernels in triton_kernels.py.

Legend: B batch, D channels, L tokens, N states, G groups, K scan orders, M merge groups, S parameter sets (1
or K).

One operator takes tokens in the layout (S, B, L, D) by strides and reads and writes through the orders'
indices. On CUDA, sums over orders and channel blocks (merged outputs of three or more orders, gradients
shared by orders, gradients by B and C) are atomic, so their rounding varies from run to run. With
TRITON_INTERPRET=1 in the environment the kernels run on CPU tensors, slowly, for checking them.
"""
import os
from functools import lru_cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mmpose_gss.ops.scan.inputs import ScanInputs

_TILE = 4096      # numbers in a (tokens, channels, states) tile
_PROGRAMS = 256   # programs wanted at least, so that a large GPU is busy


def _interpreted() -> bool:
    return os.environ.get('TRITON_INTERPRET', '0').lower() in ('1', 'true', 'on', 'yes')


def missing(device: torch.device, dtype: torch.dtype) -> Optional[str]:
    """Say what keeps this backend from running for a device and type, or None."""
    if find_spec('triton') is None:
        return 'the package triton is not installed'
    if device.type != 'cuda' and not _interpreted():
        return (
            f'Triton runs on CUDA tensors, these are on {device.type} (TRITON_INTERPRET=1 in the environment '
            'interprets its kernels on CPU, slowly)')
    return None


@lru_cache(maxsize=2)
def _load_kernels(interpreted: bool) -> ModuleType:
    """Load the kernels; Triton decides when it decorates them whether they will be interpreted."""
    path = Path(__file__).with_name('triton_kernels.py')
    spec = spec_from_file_location(f'{__package__}.triton_kernels{"_interpreted" * interpreted}', path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    if interpreted:
        module.associative_scan = _scan_rows
    return module


def _scan_rows(inputs: tuple, axis: int, combine_fn: Any, reverse: bool = False) -> tuple:
    """Stand in for the interpreter's scan: the kernel's combining function on whole tiles, log2(rows) steps.

    Triton's interpreter calls it number by number, which takes minutes for a single tile.
    """
    import numpy as np  # the interpreter's tiles are NumPy arrays
    from triton.runtime.interpreter import ScanOps

    class RowScan(ScanOps):

        def generic_scan(self, parts: list) -> list:
            arrays, step = [part.handle.data for part in parts], 1
            while step < arrays[0].shape[self.axis]:
                shifted = [np.roll(x, step, self.axis) for x in arrays]
                early, late = ([self.to_tensor(x, part.dtype) for x, part in zip(xs, parts)]
                               for xs in (shifted, arrays))
                head = [slice(None)] * self.axis + [slice(step)]
                joined = [x.handle.data.copy() for x in self.combine_fn.fn(*early, *late)]
                for x, y in zip(joined, arrays):
                    x[tuple(head)] = y[tuple(head)]
                arrays, step = joined, step * 2
            return [self.to_tensor(x, part.dtype) for x, part in zip(arrays, parts)]

    return tuple(RowScan(axis, combine_fn, reverse).apply(inputs))


class _Plan(NamedTuple):
    """Sizes of tiles and grid, by shapes alone."""
    chunk: int
    block: int
    states: int
    chunks: int
    grid: Tuple[int, int, int]


def _power(n: int) -> int:
    """Return the smallest power of two that is at least n."""
    return 1 << max(0, n - 1).bit_length()


def _plan(u: Tensor, A: Tensor, groups: int, orders: int) -> _Plan:
    _, batch, length, dim = u.shape
    states = _power(A.shape[-1])
    if _interpreted():  # few programs; still several chunks, so that carries are checked
        block, chunk = min(32, _power(dim // groups)), 32
    else:
        block = min(8, _power(dim // groups))
        while block > 1 and orders * batch * -(-dim // block) < _PROGRAMS:
            block //= 2
        chunk = max(16, min(256, _TILE // (block * states), _power(length)))
    blocks = groups * -(-(dim // groups) // block)
    return _Plan(chunk, block, states, -(-length // chunk), (blocks, batch, orders))


def _by_order(x: Optional[Tensor]) -> int:
    """Return the stride over the parameter sets, 0 when shared."""
    return 0 if x is None or x.shape[0] == 1 else x.stride(0)


def _tensors(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Optional[Tensor],
             bias: Optional[Tensor], index: Optional[Tensor], first: Optional[Tensor],
             merge: Sequence[int]) -> Dict[str, Any]:
    """Collect the arguments both kernels have. Unused pointers get some tensor, never read."""
    _, batch, length, dim = u.shape
    D, bias = (None if x is None else x.contiguous() for x in (D, bias))
    arguments = dict(u=u,
                     delta=delta,
                     A=A,
                     B=B,
                     C=C,
                     D=u if D is None else D,
                     bias=u if bias is None else bias,
                     index=u if index is None else index.contiguous(),
                     first=u if first is None else first.contiguous(),
                     merge=torch.tensor(merge, dtype=torch.int64, device=u.device),
                     batch=batch,
                     length=length,
                     dim=dim,
                     group_dim=dim // B.shape[3],
                     states=A.shape[-1])
    for name, x, labels in (('u', u, 'bld'), ('delta', delta, 'bld'), ('A', A, 'dn'), ('B', B, 'blgn'),
                            ('C', C, 'blgn')):
        arguments[f'{name}_k'] = _by_order(x)
        arguments.update({f'{name}_{label}': stride for label, stride in zip(labels, x.stride()[1:])})
    arguments.update(D_k=_by_order(D), bias_k=_by_order(bias), HAS_D=D is not None, HAS_BIAS=bias is not None,
                     HAS_INDEX=index is not None)
    return arguments


def _named_strides(name: str, x: Tensor, lead: str) -> Dict[str, int]:
    """Name the strides of an (M or S, B, L, D) tensor."""
    strides = {f'{name}_{label}': stride for label, stride in zip('bld', x.stride()[1:])}
    strides[f'{name}_{lead}'] = x.stride(0) if lead == 'm' else _by_order(x)
    return strides


def _accumulator(dtype: torch.dtype) -> torch.dtype:
    return torch.float64 if dtype == torch.float64 else torch.float32


def _launch(name: str, plan: _Plan, dtype: torch.dtype, arguments: Dict[str, Any]) -> None:
    kernels = _load_kernels(_interpreted())
    acc = kernels.tl.float64 if dtype == torch.float64 else kernels.tl.float32
    getattr(kernels, name)[plan.grid](**arguments, chunks=plan.chunks, ACC=acc, CH=plan.chunk, BD=plan.block,
                                      BN=plan.states, num_warps=4)


def _empty_tokens(u: Tensor, lead: int, dtype: torch.dtype) -> Tensor:
    """Allocate (lead, B, L, D) in the memory order of ``u``."""
    _, batch, length, dim = u.shape
    if u.stride(2) == 1 and u.stride(3) != 1:
        return u.new_empty(lead, batch, dim, length, dtype=dtype).transpose(2, 3)
    return u.new_empty(lead, batch, length, dim, dtype=dtype)


@torch.library.custom_op('mmpose_gss::token_scan_triton', mutates_args=())
def _scan(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Optional[Tensor],
          delta_bias: Optional[Tensor], index: Optional[Tensor], first: Optional[Tensor],
          merge: Sequence[int], softplus: bool, keep: bool) -> Tuple[Tensor, Tensor, Tensor]:
    """Compute output (M, B, L, D), last state (B, D, N) for one order, chunk-boundary states if ``keep``."""
    out, last, boundary = _scan_fake(u, delta, A, B, C, D, delta_bias, index, first, merge, softplus, keep)
    if u.numel() == 0:
        return out, last, boundary
    plan, add = _plan(u, A, B.shape[3], len(merge)), len(merge) > out.shape[0]
    y = _empty_tokens(u, out.shape[0], _accumulator(u.dtype)).zero_() if add else out
    _launch(
        'scan_forward', plan, u.dtype,
        dict(_tensors(u, delta, A, B, C, D, delta_bias, index, first, merge),
             y=y,
             last=last if len(merge) == 1 else u,
             boundary=boundary if keep else u,
             **_named_strides('y', y, 'm'),
             SOFTPLUS=softplus,
             ADD=add,
             KEEP=keep,
             LAST=len(merge) == 1))
    return out.copy_(y) if add else out, last, boundary


@_scan.register_fake
def _scan_fake(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Optional[Tensor],
               delta_bias: Optional[Tensor], index: Optional[Tensor], first: Optional[Tensor],
               merge: Sequence[int], softplus: bool, keep: bool) -> Tuple[Tensor, Tensor, Tensor]:
    _, batch, _, dim = u.shape
    acc, states = _accumulator(u.dtype), A.shape[-1]
    plan = _plan(u, A, B.shape[3], len(merge))
    last = (batch, dim, states) if len(merge) == 1 else (0,)
    boundary = (len(merge), batch, plan.chunks, dim, states) if keep else (0,)
    return (_empty_tokens(u,
                          max(merge) + 1, u.dtype), u.new_empty(last,
                                                                dtype=acc), u.new_empty(boundary, dtype=acc))


@torch.library.custom_op('mmpose_gss::token_scan_triton_backward', mutates_args=())
def _scan_backward(dy: Tensor, dlast: Tensor, u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor,
                   D: Optional[Tensor], delta_bias: Optional[Tensor], index: Optional[Tensor],
                   first: Optional[Tensor], boundary: Tensor, merge: Sequence[int],
                   softplus: bool) -> List[Tensor]:
    """Compute the gradients by u, delta, A, B, C, D and delta_bias (empty for those that are None)."""
    inputs, acc, orders = (u, delta, A, B, C, D, delta_bias), _accumulator(u.dtype), len(merge)
    if u.numel() == 0:
        return [u.new_zeros(0) if x is None else x.new_zeros(x.shape) for x in inputs]
    if boundary.numel() == 0:
        boundary = _scan(u, delta, A, B, C, D, delta_bias, index, first, merge, softplus, True)[2]
    batch, dim, states = u.shape[1], u.shape[3], A.shape[-1]
    add_u, add_delta = (orders > 1 and x.shape[0] == 1 for x in (u, delta))
    du = _empty_tokens(u, u.shape[0], acc if add_u else u.dtype)
    ddelta = _empty_tokens(delta, delta.shape[0], acc if add_delta else u.dtype)
    du, ddelta = du.zero_() if add_u else du, ddelta.zero_() if add_delta else ddelta
    dB, dC = (x.new_zeros(x.shape, dtype=acc) for x in (B, C))
    dA = u.new_empty(orders, batch, dim, states, dtype=acc)
    dD, dbias = (u.new_empty(orders, batch, dim, dtype=acc) for _ in range(2))
    strides = dict(_named_strides('dy', dy, 'm'), **_named_strides('du', du, 'k'),
                   **_named_strides('ddelta', ddelta, 'k'))
    for name, x in (('dB', dB), ('dC', dC)):
        strides.update({f'{name}_k': _by_order(x), f'{name}_b': x.stride(1), f'{name}_l': x.stride(2),
                        f'{name}_g': x.stride(3)})
    _launch('scan_backward', _plan(u, A, B.shape[3], orders), u.dtype, dict(
        _tensors(u, delta, A, B, C, D, delta_bias, index, first, merge), dy=dy, dlast=dlast.contiguous(),
        boundary=boundary, du=du, ddelta=ddelta, dA=dA, dB=dB, dC=dC, dD=dD, dbias=dbias, **strides,
        SOFTPLUS=softplus, LAST=orders == 1, ADD_U=add_u, ADD_DELTA=add_delta))
    grads = [du, ddelta, dA.sum(1), dB, dC, dD.sum(1), dbias.sum(1)]
    for i in (2, 5, 6):
        if inputs[i] is not None and inputs[i].shape[0] < orders:
            grads[i] = grads[i].sum(0, keepdim=True)
    return [u.new_empty(0) if x is None else grad.to(x.dtype) for x, grad in zip(inputs, grads)]


@_scan_backward.register_fake
def _scan_backward_fake(dy: Tensor, dlast: Tensor, u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor,
                        D: Optional[Tensor], delta_bias: Optional[Tensor], index: Optional[Tensor],
                        first: Optional[Tensor], boundary: Tensor, merge: Sequence[int],
                        softplus: bool) -> List[Tensor]:
    grads = [
        u.new_empty(0) if x is None else x.new_empty(x.shape) for x in (u, delta, A, B, C, D, delta_bias)
    ]
    return [_empty_tokens(u, u.shape[0], u.dtype), _empty_tokens(delta, delta.shape[0], u.dtype), *grads[2:]]


def _context(ctx: Any, inputs: tuple, output: Tuple[Tensor, Tensor, Tensor]) -> None:
    *tensors, ctx.merge, ctx.softplus, _ = inputs
    ctx.save_for_backward(*tensors, output[2])
    ctx.mark_non_differentiable(output[2])


def _gradient(ctx: Any, dy: Tensor, dlast: Tensor, _: Tensor) -> tuple:
    *tensors, boundary = ctx.saved_tensors
    grads = _scan_backward(dy, dlast, *tensors, boundary, ctx.merge, ctx.softplus)
    return (*(None if x is None else grad
              for x, grad in zip(tensors[:7], grads)), None, None, None, None, None)


_scan.register_autograd(_gradient, setup_context=_context)


def _wants_grad(tensors: Sequence[Optional[Tensor]]) -> bool:
    return torch.is_grad_enabled() and any(x is not None and x.requires_grad for x in tensors)


def selective_scan_triton(inputs: ScanInputs) -> Tuple[Tensor, Tensor]:
    """Scan by Triton; the contract is that of :func:`mmpose_gss.ops.scan.naive.selective_scan_naive`."""
    u, delta, A, B, C, D, z, delta_bias, delta_softplus = inputs
    tensors = (u.transpose(1, 2)[None], delta.transpose(1, 2)[None], A[None], B.permute(0, 3, 1, 2)[None],
               C.permute(0, 3, 1, 2)[None], None if D is None else D[None],
               None if delta_bias is None else delta_bias[None])
    out, last, _ = _scan(*tensors, None, None, [0], delta_softplus, _wants_grad(tensors))
    out = out[0].transpose(1, 2)
    if z is not None:
        acc = _accumulator(u.dtype)
        out = (out.to(acc) * F.silu(z.to(acc))).to(u.dtype)
    return out, last


def ordered_scan_triton(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Optional[Tensor],
                        delta_bias: Optional[Tensor], index: Tensor, first: Tensor,
                        merge: Sequence[int]) -> Tensor:
    """Scan along orders; the contract is :func:`mmpose_gss.ops.scan.backends.cpu.ordered_scan_cpu`'s."""
    tensors = (u, delta, A, B.unsqueeze(3), C.unsqueeze(3), D, delta_bias)
    out, _, _ = _scan(*tensors, index, first, list(merge), True, _wants_grad(tensors))
    return out
