"""The selective scan in C++ (mmpose_gss/ops/native/csrc), registered with torch.library.

Legend: B batch, D channels, L tokens, N states, G groups, K scan orders, M merge groups, S parameter sets (1
or K).

Two operators share the kernels: ``selective_scan_cpu`` for (B, D, L) tensors and ``ordered_scan_cpu`` for
tokens in the layout (S, B, L, D), read and written through the orders' indices. The forward pass stores the
state at every 16th token when a gradient will be asked for; the backward pass recomputes the states between.
Every sum over channels, orders or the batch is taken in a fixed order, whatever the number of threads.
"""
import math
from typing import Any, List, Optional, Sequence, Tuple

import torch
from torch import Tensor

from mmpose_gss.ops.native import library
from mmpose_gss.ops.scan.inputs import ScanInputs


def missing(device: torch.device, dtype: torch.dtype) -> Optional[str]:
    """Say what keeps this backend from running for a device and type, or None."""
    if device.type != 'cpu':
        return f'the C++ extension runs on CPU tensors, these are on {device.type}'
    return library.problem()


def _strides(args: library.ScanArgs, name: str, x: Optional[Tensor], labels: str) -> None:
    """Set the address of ``x`` and its strides; a dimension of size 1 gets stride 0 for the label k."""
    setattr(args, name, library.address(x))
    if x is None:
        return
    for label, size, stride in zip(labels, x.shape, x.stride()):
        setattr(args, f'{name}_{label}', 0 if label == 'k' and size == 1 else stride)


def _common(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Optional[Tensor],
            bias: Optional[Tensor], z: Optional[Tensor], softplus: bool, orders: int,
            merges: int) -> library.ScanArgs:
    """Make the arguments for u, delta (S,B,D,L), A (S,D,N), B, C (S,B,G,N,L), D, bias (S,D) and z (B,D,L)."""
    args = library.ScanArgs()
    _, args.batch, args.dim, args.len = u.shape
    args.states, args.groups, args.orders, args.merges = A.shape[-1], B.shape[2], orders, merges
    args.is_double, args.softplus = u.dtype == torch.float64, softplus
    _strides(args, 'u', u, 'kbdl')
    _strides(args, 'delta', delta, 'kbdl')
    _strides(args, 'A', A, 'kdn')
    _strides(args, 'B', B, 'kbgnl')
    _strides(args, 'C', C, 'kbgnl')
    _strides(args, 'D', D, 'k')
    _strides(args, 'bias', bias, 'k')
    _strides(args, 'z', z, 'bdl')
    args.threads = library.threads_for(orders * u[0].numel() * args.states, 300_000)
    return args


def _contiguous(x: Optional[Tensor]) -> Optional[Tensor]:
    return None if x is None else x.contiguous()


def _blocks(dim: int, groups: int) -> int:
    """Count the blocks of channels in one group."""
    return -(-(dim // groups) // library.tile_sizes()[1])


def _boundary_shape(orders: int, batch: int, dim: int, length: int, groups: int,
                    num_states: int) -> Tuple[int, ...]:
    chunk, block = library.tile_sizes()
    return (orders, batch, -(-length // chunk), groups * _blocks(dim, groups), num_states, block)


def _run_forward(args: library.ScanArgs, *fresh: Tensor) -> None:
    """Cut the channels so that the tasks share out evenly, and run."""
    for x in fresh:
        library.large_pages(x)
    base = args.merges * args.batch * args.groups
    even = 2 * args.threads // math.gcd(base, 2 * args.threads)
    blocks = _blocks(args.dim, args.groups)
    args.panels = 1 if base >= 4 * args.threads else min(even, blocks)
    library.call('scan_forward', args)


def _back_panels(batch: int, dim: int, groups: int) -> int:
    """Count the parts of a group's channels with their own sums for dB and dC; depends on shapes only."""
    blocks = _blocks(dim, groups)
    wanted = min(-(-16 // max(1, batch * groups)), max(1, blocks // 2), 8)
    return -(-blocks // -(-blocks // wanted))


def _run_backward(args: library.ScanArgs, u: Tensor, A: Tensor, B: Tensor, C: Tensor, dy: Tensor,
                  dlast: Optional[Tensor], du: Tensor, ddelta: Tensor,
                  dz: Optional[Tensor]) -> Tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Run the backward kernel; return dA (K,B,D,N), dD, dbias (K,B,D), dB, dC (S,B,L,G,N)."""
    orders, batch, dim, length = args.orders, args.batch, args.dim, args.len
    args.panels = _back_panels(batch, dim, args.groups)
    dA = u.new_empty(orders, batch, dim, args.states)
    dD, dbias = (u.new_empty(orders, batch, dim) for _ in range(2))
    for x in (du, ddelta):
        library.large_pages(x)
    dB, dC = (u.new_empty(x.shape[0], args.panels, batch, length, args.groups, args.states) for x in (B, C))
    _strides(args, 'dy', dy, 'mbdl')
    _strides(args, 'du', du, 'kbdl')
    _strides(args, 'ddelta', ddelta, 'kbdl')
    _strides(args, 'dz', dz, 'bdl')
    _strides(args, 'dB', dB, 'k')
    _strides(args, 'dC', dC, 'k')
    args.dA, args.dD, args.dbias, args.dlast = (library.address(x) for x in (dA, dD, dbias, dlast))
    library.call('scan_backward', args)
    return dA, dD, dbias, dB.sum(1), dC.sum(1)


# ----------------------------------------------------------------------------- (B, D, L) tensors

@torch.library.custom_op('mmpose_gss::selective_scan_cpu', mutates_args=(), device_types='cpu')
def _scan(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Optional[Tensor], z: Optional[Tensor],
          delta_bias: Optional[Tensor], softplus: bool, keep: bool) -> Tuple[Tensor, Tensor, Tensor]:
    out, last, boundary = _scan_fake(u, delta, A, B, C, D, z, delta_bias, softplus, keep)
    if u.numel() == 0:
        return out, last, boundary
    D, delta_bias = _contiguous(D), _contiguous(delta_bias)
    args = _common(u[None], delta[None], A[None], B[None], C[None], None if D is None else D[None],
                   None if delta_bias is None else delta_bias[None], z, softplus, 1, 1)
    _strides(args, 'y', out[None], 'mbdl')
    args.last, args.boundary = library.address(last), library.address(boundary)
    _run_forward(args, out, boundary)
    return out, last, boundary


@_scan.register_fake
def _scan_fake(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Optional[Tensor],
               z: Optional[Tensor], delta_bias: Optional[Tensor], softplus: bool,
               keep: bool) -> Tuple[Tensor, Tensor, Tensor]:
    batch, dim, length = u.shape
    shape = _boundary_shape(1, batch, dim, length, B.shape[1], A.shape[1]) if keep else (0,)
    return torch.empty_like(u), u.new_empty(batch, dim, A.shape[1]), u.new_empty(shape)


@torch.library.custom_op('mmpose_gss::selective_scan_cpu_backward', mutates_args=(), device_types='cpu')
def _scan_backward(dy: Tensor, dlast: Tensor, u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor,
                   D: Optional[Tensor], z: Optional[Tensor], delta_bias: Optional[Tensor], boundary: Tensor,
                   softplus: bool) -> List[Tensor]:
    du, ddelta, dA, dB, dC, dD, dz, dbias = _scan_backward_fake(
        dy, dlast, u, delta, A, B, C, D, z, delta_bias, boundary, softplus)
    if u.numel() == 0:
        return [du, ddelta, dA.zero_(), dB, dC, dD.zero_(), dz, dbias.zero_()]
    D, delta_bias, dlast = _contiguous(D), _contiguous(delta_bias), dlast.contiguous()
    if boundary.numel() == 0:
        boundary = _scan(u, delta, A, B, C, D, None, delta_bias, softplus, True)[2]
    args = _common(u[None], delta[None], A[None], B[None], C[None], None if D is None else D[None],
                   None if delta_bias is None else delta_bias[None], z, softplus, 1, 1)
    args.boundary = library.address(boundary)
    sums = _run_backward(args, u, A, B[None], C[None], dy[None], dlast, du[None], ddelta[None],
                         None if z is None else dz)
    dA, dD, dbias, dB, dC = sums[0][0].sum(0), sums[1][0].sum(0), sums[2][0].sum(0), sums[3][0], sums[4][0]
    return [
        du, ddelta, dA,
        dB.permute(0, 2, 3, 1).contiguous(),
        dC.permute(0, 2, 3, 1).contiguous(), dD, dz, dbias
    ]


@_scan_backward.register_fake
def _scan_backward_fake(dy: Tensor, dlast: Tensor, u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor,
                        D: Optional[Tensor], z: Optional[Tensor], delta_bias: Optional[Tensor],
                        boundary: Tensor, softplus: bool) -> List[Tensor]:
    dB, dC = (torch.empty_like(x, memory_format=torch.contiguous_format) for x in (B, C))
    dA = torch.empty_like(A, memory_format=torch.contiguous_format)
    dz = u.new_empty(0) if z is None else torch.empty_like(z)
    return [torch.empty_like(u), torch.empty_like(delta), dA, dB, dC, u.new_empty(u.shape[1]), dz,
            u.new_empty(u.shape[1])]


def _scan_context(ctx: Any, inputs: tuple, output: Tuple[Tensor, Tensor, Tensor]) -> None:
    *tensors, ctx.softplus, _ = inputs
    ctx.save_for_backward(*tensors, output[2])
    ctx.mark_non_differentiable(output[2])


def _scan_grad(ctx: Any, dy: Tensor, dlast: Tensor, _: Tensor) -> tuple:
    u, delta, A, B, C, D, z, delta_bias, boundary = ctx.saved_tensors
    du, ddelta, dA, dB, dC, dD, dz, dbias = _scan_backward(dy, dlast, u, delta, A, B, C, D, z, delta_bias,
                                                           boundary, ctx.softplus)
    return (du, ddelta, dA, dB, dC, None if D is None else dD, None if z is None else dz,
            None if delta_bias is None else dbias, None, None)


_scan.register_autograd(_scan_grad, setup_context=_scan_context)


def _wants_grad(*tensors: Optional[Tensor]) -> bool:
    return torch.is_grad_enabled() and any(x is not None and x.requires_grad for x in tensors)


def selective_scan_cpu(inputs: ScanInputs) -> Tuple[Tensor, Tensor]:
    """Scan in C++; the contract is that of :func:`mmpose_gss.ops.scan.naive.selective_scan_naive`."""
    *tensors, delta_softplus = inputs
    kind = inputs.u.dtype
    dtype = torch.float64 if kind == torch.float64 else torch.float32
    tensors = [None if x is None else x.to(dtype) for x in tensors]
    out, last, _ = _scan(*tensors, delta_softplus, _wants_grad(*tensors))
    return out.to(kind), last


# ------------------------------------------------------------------------ tokens through orders

def _token_args(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Optional[Tensor],
                bias: Optional[Tensor], index: Tensor, first: Tensor, merge: Sequence[int],
                merges: int) -> Tuple[library.ScanArgs, Tuple[Optional[Tensor], ...]]:
    """Make the arguments for token layout, and the tensors that must outlive the call."""
    held = (_contiguous(D), _contiguous(bias), index.contiguous(), first.contiguous(),
            torch.tensor(merge, dtype=torch.int64))
    args = _common(u.transpose(2, 3), delta.transpose(2, 3), A, B.transpose(2, 3).unsqueeze(2),
                   C.transpose(2, 3).unsqueeze(2), held[0], held[1], None, True, len(merge), merges)
    args.index, args.first, args.merge = (x.data_ptr() for x in held[2:])
    return args, held


@torch.library.custom_op('mmpose_gss::ordered_scan_cpu', mutates_args=(), device_types='cpu')
def _ordered(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Optional[Tensor],
             delta_bias: Optional[Tensor], index: Tensor, first: Tensor, merge: Sequence[int],
             keep: bool) -> Tuple[Tensor, Tensor]:
    out, boundary = _ordered_fake(u, delta, A, B, C, D, delta_bias, index, first, merge, keep)
    if u.numel() == 0:
        return out, boundary
    args, _held = _token_args(u, delta, A, B, C, D, delta_bias, index, first, merge, out.shape[0])
    _strides(args, 'y', out.transpose(2, 3), 'mbdl')
    args.boundary = library.address(boundary)
    _run_forward(args, out, boundary)
    return out, boundary


@_ordered.register_fake
def _ordered_fake(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Optional[Tensor],
                  delta_bias: Optional[Tensor], index: Tensor, first: Tensor, merge: Sequence[int],
                  keep: bool) -> Tuple[Tensor, Tensor]:
    _, batch, length, dim = u.shape
    shape = _boundary_shape(len(merge), batch, dim, length, 1, A.shape[-1]) if keep else (0,)
    return u.new_empty(max(merge) + 1, batch, length, dim), u.new_empty(shape)


def _over_orders(grad: Tensor, sets: int) -> Tensor:
    """Sum (K, B, …) over the batch, and over the orders if they share their parameters."""
    grad = grad.sum(1)
    return grad if sets == grad.shape[0] else grad.sum(0, keepdim=True)


@torch.library.custom_op('mmpose_gss::ordered_scan_cpu_backward', mutates_args=(), device_types='cpu')
def _ordered_backward(dy: Tensor, u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor,
                      D: Optional[Tensor], delta_bias: Optional[Tensor], index: Tensor, first: Tensor,
                      boundary: Tensor, merge: Sequence[int]) -> List[Tensor]:
    grads = _ordered_backward_fake(dy, u, delta, A, B, C, D, delta_bias, index, first, boundary, merge)
    if u.numel() == 0:
        return [x.zero_() for x in grads]
    if boundary.numel() == 0:
        boundary = _ordered(u, delta, A, B, C, D, delta_bias, index, first, merge, True)[1]
    args, _held = _token_args(u, delta, A, B, C, D, delta_bias, index, first, merge, dy.shape[0])
    args.boundary = library.address(boundary)
    dA, dD, dbias, dB, dC = _run_backward(
        args, u, A, B, C, dy.transpose(2, 3), None, grads[0].transpose(2, 3), grads[1].transpose(2, 3), None)
    grads[2:5] = [_over_orders(dA, len(A)), dB.squeeze(3), dC.squeeze(3)]
    grads[5:] = [x if like is None else _over_orders(grad, len(like))
                 for x, like, grad in zip(grads[5:], (D, delta_bias), (dD, dbias))]
    return grads


@_ordered_backward.register_fake
def _ordered_backward_fake(dy: Tensor, u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor,
                           D: Optional[Tensor], delta_bias: Optional[Tensor], index: Tensor, first: Tensor,
                           boundary: Tensor, merge: Sequence[int]) -> List[Tensor]:
    return [u.new_empty(0) if x is None else u.new_empty(x.shape) for x in (u, delta, A, B, C, D, delta_bias)]


def _ordered_context(ctx: Any, inputs: tuple, output: Tuple[Tensor, Tensor]) -> None:
    *tensors, ctx.merge, _ = inputs
    ctx.save_for_backward(*tensors, output[1])
    ctx.mark_non_differentiable(output[1])


def _ordered_grad(ctx: Any, dy: Tensor, _: Tensor) -> tuple:
    *tensors, boundary = ctx.saved_tensors
    grads = _ordered_backward(dy, *tensors, boundary, ctx.merge)
    grads = [None if x is None else grad for x, grad in zip(tensors, grads)]
    return (*grads, None, None, None, None)


_ordered.register_autograd(_ordered_grad, setup_context=_ordered_context)


def ordered_scan_cpu(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Optional[Tensor],
                     delta_bias: Optional[Tensor], index: Tensor, first: Tensor,
                     merge: Sequence[int]) -> Tensor:
    """Scan tokens along K orders; Δ passes through softplus.

    Args:
        u, delta (Tensor): (S, B, L, D); S is 1 or K for every input by itself.
        A (Tensor): (S, D, N).
        B, C (Tensor): (S, B, L, N).
        D, delta_bias (Tensor | None): (S, D).
        index (Tensor): (K, L) int32, token at each position.
        first (Tensor): (K, L) uint8, 1 where a sequence starts.
        merge (sequence[int]): Merge group of each order.

    Returns:
        Tensor: (M, B, L, D) in the type of ``u``.
    """
    dtype = torch.float64 if u.dtype == torch.float64 else torch.float32
    tensors = [None if x is None else x.to(dtype) for x in (u, delta, A, B, C, D, delta_bias)]
    out, _ = _ordered(*tensors, index, first, list(merge), _wants_grad(*tensors))
    return out.to(u.dtype)
