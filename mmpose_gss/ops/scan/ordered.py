"""``ordered_scan``: one selective scan layer (S6) along several orders of a (T, H, W) map, merged in place.

Legend: B batch, T frames, H rows, W columns, D channels, L = T*H*W tokens, K orders, P parameter sets (1
shared or K separate), R rank of Δ, N states, G groups of orders whose outputs are summed.

The projections of an S6 layer are per token, so they are computed in the map's own layout, once when shared;
only the scan itself depends on the order.
"""
from functools import lru_cache
from typing import Dict, NamedTuple, Optional, Sequence, Tuple, Union

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._python_dispatch import _disable_current_modes

from mmpose_gss.ops.flops import MultiplyAdds, counted, scan_multiply_adds
from mmpose_gss.ops.scan.api import MAX_STATES, check_same, choose_backend, selective_scan
from mmpose_gss.ops.scan.backends import cpu, triton
from mmpose_gss.ops.scan.orders import ScanOrder, get_scan_order, merge_groups

Orders = Sequence[Union[str, ScanOrder]]
Grid = Tuple[int, int, int]


class TokenScan(NamedTuple):
    """Input of a scan in token layout; P is 1 or K, independently for the activations and the parameters."""
    u: Tensor      # (P, B, L, D)
    delta: Tensor  # (P, B, L, D), before bias and softplus
    A: Tensor      # (P, D, N)
    B: Tensor      # (P, B, L, N)
    C: Tensor      # (P, B, L, N)
    D: Optional[Tensor]           # (P, D)
    delta_bias: Optional[Tensor]  # (P, D)


def _pick(x: Optional[Tensor], k: int) -> Optional[Tensor]:
    """Take entry k of the leading dimension, or the only one."""
    return None if x is None else x[k if x.shape[0] > 1 else 0]


def _lookup(orders: Orders, grid: Sequence[int]) -> Tuple[ScanOrder, ...]:
    return tuple(get_scan_order(order, *grid) for order in orders)


@lru_cache(maxsize=64)
def _cached_tables(orders: Tuple[ScanOrder, ...], device: torch.device) -> Tuple[Tensor, Tensor]:
    with _disable_current_modes():
        index = torch.stack([order.index for order in orders]).to(device, torch.int32)
        return index, torch.stack([order.first for order in orders]).to(device, torch.uint8)


@torch.compiler.assume_constant_result
def _tables(orders: Orders, grid: Grid, device: torch.device) -> Tuple[Tensor, Tensor]:
    """Look up tokens by position (K, L) int32 and sequence starts (K, L) uint8; constants to a compiler."""
    return _cached_tables(_lookup(orders, grid), device)


@torch.compiler.assume_constant_result
def _spans(order: Union[str, ScanOrder], grid: Tuple[int, int, int]) -> Tuple[Tuple[int, int, int], ...]:
    """Find runs of neighbouring sequences of equal length: (first position, sequences, tokens of each)."""
    spans = []
    with _disable_current_modes():
        found = get_scan_order(order, *grid)
        sequences = list(zip(found.starts.tolist(), found.lengths.tolist()))
    for start, length in sequences:
        if spans and spans[-1][2] == length:
            spans[-1] = (spans[-1][0], spans[-1][1] + 1, length)
        else:
            spans.append((start, 1, length))
    return tuple(spans)


def _gather_scan(scan: TokenScan, index: Tensor, spans: Sequence[Tuple[int, int, int]], k: int,
                 backend: str) -> Tensor:
    """Scan along one order by gathering, scanning and scattering: (B, L, D)."""
    A, D, bias = _pick(scan.A, k), _pick(scan.D, k), _pick(scan.delta_bias, k)
    gathered = [_pick(x, k)[:, index] for x in (scan.u, scan.delta, scan.B, scan.C)]
    batch, outputs = gathered[0].shape[0], []
    for at, count, length in spans:
        parts = [x[:, at:at + count * length].unflatten(1, (count, length)) for x in gathered]
        u, delta, B, C = (x.flatten(0, 1).transpose(1, 2) for x in parts)
        y = selective_scan(u, delta, A, B, C, D, None, bias, True, backend=backend)
        outputs.append(y.transpose(1, 2).unflatten(0, (batch, count)).flatten(1, 2))
    return torch.cat(outputs, dim=1)[:, torch.argsort(index)]


def _composed(scan: TokenScan, orders: Orders, grid: Grid, groups: Sequence[int], backend: str) -> Tensor:
    """Scan order by order with a backend that knows no orders: (G, B, L, D)."""
    index, _ = _tables(orders, grid, scan.u.device)
    merged = [None] * (max(groups) + 1)
    for k, (order, group) in enumerate(zip(orders, groups)):
        y = _gather_scan(scan, index[k].long(), _spans(order, grid), k, backend)
        merged[group] = y if merged[group] is None else merged[group] + y
    return torch.stack(merged)


def _through_orders(scan: TokenScan, orders: Orders, grid: Grid, groups: Sequence[int],
                    backend: str) -> Tensor:
    """Scan all orders at once with a backend that reads and writes through them: (G, B, L, D)."""
    run = cpu.ordered_scan_cpu if backend == 'cpu' else triton.ordered_scan_triton
    return run(*scan, *_tables(orders, grid, scan.u.device), groups)


def _conv_along(x: Tensor, index: Tensor, first: Tensor, weight: Tensor, bias: Optional[Tensor]) -> Tensor:
    """Apply a short causal convolution and SiLU along an order, result in place: (B, L, D) -> (B, L, D)."""
    gathered, width = x[:, index], weight.shape[1]
    position = torch.arange(index.numel(), device=x.device)
    since_first = position - torch.cummax(position * first, 0).values  # place inside its sequence
    out = gathered * weight[:, -1]
    for back in range(1, min(width, index.numel() + 1)):
        seen = (since_first >= back)[:, None]
        shifted = F.pad(gathered, (0, 0, back, 0))[:, :index.numel()]
        out = out + torch.where(seen, shifted, 0) * weight[:, -1 - back]
    if bias is not None:
        out = out + bias
    return F.silu(out)[:, torch.argsort(index)]


def _linear_per_set(x: Tensor, weight: Tensor) -> Tensor:
    """Apply a linear layer per parameter set: (P, B, L, I), (P, O, I) to (P, B, L, O); either P may be 1."""
    sets, out, _ = weight.shape
    if x.shape[0] == 1:  # one product with the weights of all sets
        return F.linear(x[0], weight.flatten(0, 1)).unflatten(-1, (sets, out)).movedim(-2, 0)
    if sets == 1:
        return F.linear(x, weight[0])
    return torch.bmm(x.flatten(1, 2), weight.transpose(1, 2)).unflatten(1, x.shape[1:3])


def _project(x: Tensor, orders: Orders, grid: Grid, x_proj: Tensor, dt_proj: Tensor, dt_bias: Tensor,
             A: Tensor, D: Optional[Tensor], conv_weight: Optional[Tensor],
             conv_bias: Optional[Tensor]) -> TokenScan:
    """Compute Δ, B, C per token; parameters have a leading dimension of 1 or K, x is (B, L, D)."""
    if conv_weight is None:
        u = x[None]
    else:
        index, first = _tables(orders, grid, x.device)
        u = torch.stack([_conv_along(x, index[k].long(), first[k], _pick(conv_weight, k), _pick(conv_bias, k))
                         for k in range(len(orders))])
    rank, num_states = dt_proj.shape[-1], A.shape[-1]
    dt, B, C = _linear_per_set(u, x_proj).split([rank, num_states, num_states], dim=-1)
    delta = _linear_per_set(dt, dt_proj)
    u, delta, B, C = (part.to(x.dtype) for part in (u, delta, B, C))
    return TokenScan(u, delta, A, B, C, D, dt_bias)


def _check(num_orders: int, parameters: Dict[str, Tuple[Optional[Tensor], Tuple[int, ...]]]) -> None:
    """Check shapes; ``parameters`` maps a name to (tensor or None, its shape for one set)."""
    for name, (value, shape) in parameters.items():
        if value is not None and value.shape not in (shape, (num_orders, *shape)):
            raise ValueError(
                f'{name} must have the shape {shape}, or {(num_orders, *shape)} for separate parameters '
                f'per order, got {tuple(value.shape)}')


def _multiply_adds(x: Tensor, orders: Orders, x_proj_weight: Tensor,
                   dt_proj_weight: Tensor, dt_bias: Tensor, A: Tensor, D: Optional[Tensor] = None, *,
                   merge: Optional[Sequence[int]] = None, conv_weight: Optional[Tensor] = None,
                   conv_bias: Optional[Tensor] = None, backend: str = 'auto') -> MultiplyAdds:
    """Count projections (once if the orders share input and weights), convolution and scans."""
    channels, num_orders = x.shape[-1], len(orders)
    tokens = x.numel() // channels
    layers = other = 0
    for weight in (x_proj_weight, dt_proj_weight):
        product = tokens * weight.shape[-2] * weight.shape[-1]
        separate = weight.dim() == 3
        repeats = num_orders if separate or conv_weight is not None or x_proj_weight.dim() == 3 else 1
        layers, other = layers + (not separate) * product * repeats, other + separate * product * repeats
    if conv_weight is not None:
        layers += tokens * num_orders * channels * conv_weight.shape[-1]
    scans = scan_multiply_adds(tokens * num_orders, channels, A.shape[-1], D is not None)
    return MultiplyAdds(layers, other + scans)


@counted(_multiply_adds)
def ordered_scan(x: Tensor,
                 orders: Orders,
                 x_proj_weight: Tensor,
                 dt_proj_weight: Tensor,
                 dt_bias: Tensor,
                 A: Tensor,
                 D: Optional[Tensor] = None,
                 *,
                 merge: Optional[Sequence[int]] = None,
                 conv_weight: Optional[Tensor] = None,
                 conv_bias: Optional[Tensor] = None,
                 backend: str = 'auto') -> Tensor:
    """Scan a map along several orders with one or K S6 layers and sum the outputs of each group in place.

    Per token ``(dt, B, C) = split(x_proj_weight x)``, ``Δ = softplus(dt_proj_weight dt + dt_bias)``, then the
    selective scan along each order, its output written back to the token's place.

    Args:
        x (Tensor): (B, T, H, W, D).
        orders (sequence): K names or :class:`ScanOrder`; see :mod:`mmpose_gss.ops.scan.orders`.
        x_proj_weight (Tensor): (R + 2N, D), or (K, R + 2N, D) for separate parameters per order.
        dt_proj_weight (Tensor): (D, R) or (K, D, R).
        dt_bias (Tensor): (D,) or (K, D).
        A (Tensor): (D, N) or (K, D, N), real, usually negative.
        D (Tensor | None): (D,) or (K, D), skip connection.
        merge (sequence[int] | None): Group number per order. By default order i and order i + K/2 form group
            i.
        conv_weight (Tensor | None): (D, width) or (K, D, width): Mamba's short causal convolution and SiLU
            along each order before its scan.
        conv_bias (Tensor | None): (D,) or (K, D).
        backend (str): As in :func:`selective_scan`. ``cpu`` and ``triton`` read and write through the order,
            the others gather and scatter.

    Returns:
        Tensor: (G, B, T, H, W, D), in the type of ``x``.

    Raises:
        ValueError: Wrong shapes, mixed devices or types, unknown order or backend.
        RuntimeError: The asked backend cannot run here.
    """
    if x.dim() != 5 or 0 in x.shape[1:]:
        raise ValueError(f'x must be (B, T, H, W, D) with at least one token, got the shape {tuple(x.shape)}')
    if A.is_complex():
        raise ValueError('A is complex: only real A is supported, pass its real part')
    if A.dim() not in (2, 3) or not 1 <= A.shape[-1] <= MAX_STATES or dt_proj_weight.dim() not in (2, 3):
        raise ValueError(
            f'A must be (D, N) or (K, D, N) with N at most {MAX_STATES} and dt_proj_weight (D, R) or '
            f'(K, D, R), got the shapes {tuple(A.shape)} and {tuple(dt_proj_weight.shape)}')
    if conv_weight is None and conv_bias is not None:
        raise ValueError('conv_bias is given without conv_weight')
    batch, frames, height, width, dim = x.shape
    orders, grid = tuple(orders), (frames, height, width)
    groups = merge_groups(len(orders), merge)
    rank, num_states = dt_proj_weight.shape[-1], A.shape[-1]
    taps = 1 if conv_weight is None else conv_weight.shape[-1]
    shapes = dict(x_proj_weight=(x_proj_weight, (rank + 2 * num_states, dim)),
                  dt_proj_weight=(dt_proj_weight, (dim, rank)),
                  dt_bias=(dt_bias, (dim, )),
                  A=(A, (dim, num_states)),
                  D=(D, (dim, )),
                  conv_weight=(conv_weight, (dim, taps)),
                  conv_bias=(conv_bias, (dim, )))
    _check(len(orders), shapes)
    # Weights may stay float32 beside half activations (autocast casts inside the projections).
    check_same(dict(x=x, **{name: value for name, (value, _) in shapes.items()}), 'x', wide=tuple(shapes))
    backend = choose_backend(backend, x.device, x.dtype)
    parameters = [value if value is None or value.dim() > len(shape) else value[None]
                  for value, shape in shapes.values()]
    cast = [
        value if value is None or i in (2, 3, 4) else value.to(x.dtype) for i, value in enumerate(parameters)
    ]
    scan = _project(x.reshape(batch, frames * height * width, dim), orders, grid, *cast)
    run = _through_orders if backend in ('cpu', 'triton') else _composed
    out = run(scan, orders, grid, groups, backend)
    return out.view(len(out), batch, frames, height, width, dim)
