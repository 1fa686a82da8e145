"""The selective scan in pure torch, vectorised inside chunks; runs on any device, differentiable, exportable.

Legend: B batch, D channels, L tokens, N states, G groups; C chunks of Q tokens.

Two ways over the tokens, both of one recurrence step per token or chunk and everything else vectorised:

* eagerly, chunk after chunk: decays, inputs and outputs of Q tokens at once, one fused operation per token
  for the state. The tensors of a chunk stay in the processor's cache.
* while a graph is being made (compiled, exported), as few operations as possible: all chunks at once from a
  zero state, then the chunks' end states one after another, then the carried states' share is added to every
  token. About 2 sqrt(L) steps. Only products of decays exp(Δ·A) are formed, never their quotients, so large
  Δ·A cannot overflow.

Under autograd a chunk is recomputed in the backward pass: only the states between chunks are kept.
"""
import math
from typing import Tuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from mmpose_gss.ops.scan.inputs import ScanInputs

#: Numbers in the states of a chunk's tokens, sized for the second-level cache.
_CHUNK_NUMEL = 1 << 18


def _steps(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, state: Tensor) -> Tuple[Tensor, Tensor]:
    """Scan a chunk token by token.

    Args:
        u, delta (Tensor): (Q, B, G, D/G).
        A (Tensor): (G, D/G, N).
        B, C (Tensor): (Q, B, G, N).
        state (Tensor): (B, G, D/G, N).

    Returns:
        tuple[Tensor, Tensor]: Output (Q, B, G, D/G) and the next state.
    """
    inputs = (delta * u)[..., None] * B[:, :, :, None]
    if torch.is_grad_enabled():
        states = []
        for decay, value in zip(torch.exp(delta[..., None] * A).unbind(), inputs.unbind()):
            state = torch.addcmul(value, decay, state)
            states.append(state)
        inputs = torch.stack(states)
    else:
        for decay, value in zip((delta[..., None] * A).exp_().unbind(), inputs.unbind()):
            state = value.addcmul_(decay, state)  # in place: the inputs become the states
        state = state.clone()
    return torch.einsum('qbgdn,qbgn->qbgd', inputs, C), state


def _decay(delta: Tensor, A: Tensor) -> Tensor:
    """Compute exp(delta A) with a state dimension added, kept finite so that a zero state stays zero."""
    most = 709.0 if delta.dtype == torch.float64 else 88.0
    return torch.exp((delta[..., None] * A).clamp(max=most))


def _all_chunks(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor,
                state: Tensor) -> Tuple[Tensor, Tensor]:
    """Scan C chunks of Q tokens in Q + C steps; arguments of :func:`_steps`, with (C, Q) for Q in front."""
    du = delta * u
    local, states = torch.zeros_like(state), []  # (C, B, G, D/G, N) from the first step on
    for q in range(u.shape[1]):
        local = torch.addcmul(du[:, q, ..., None] * B[:, q, :, :, None], _decay(delta[:, q], A), local)
        states.append(local)
    passed = _decay(delta.cumsum(1), A)  # decay from a chunk's start to each of its tokens
    carried = []
    for c in range(u.shape[0]):
        carried.append(state)
        state = torch.addcmul(states[-1][c], passed[c, -1], state)
    states = torch.addcmul(torch.stack(states, 1), passed, torch.stack(carried)[:, None])
    return torch.einsum('cqbgdn,cqbgn->cqbgd', states, C), state


def selective_scan_chunked(inputs: ScanInputs) -> Tuple[Tensor, Tensor]:
    """Scan in chunks; the contract is that of :func:`mmpose_gss.ops.scan.naive.selective_scan_naive`."""
    u, delta, A, B, C, D, z, delta_bias, delta_softplus = inputs
    dtype = torch.float64 if u.dtype == torch.float64 else torch.float32
    batch, dim, length = u.shape
    groups, num_states = B.shape[1], A.shape[1]

    def tokens_first(x: Tensor) -> Tensor:  # (B, D, L) or (B, G, N, L) -> (L, B, G, D/G or N)
        x = x.to(dtype).movedim(-1, 0)
        return x.unflatten(2, (groups, dim // groups)) if x.dim() == 3 else x

    u_, delta_, B_, C_ = (tokens_first(x) for x in (u, delta, B, C))
    if delta_bias is not None:
        delta_ = delta_ + delta_bias.to(dtype).view(groups, -1)
    if delta_softplus:
        delta_ = F.softplus(delta_.contiguous())  # compilers guess its gradient's strides wrongly otherwise
    A_ = A.to(dtype).view(groups, -1, num_states)
    state = u_.new_zeros(batch, groups, dim // groups, num_states)
    graph = torch.compiler.is_compiling() or torch.jit.is_tracing() or torch.onnx.is_in_onnx_export()
    chunk = math.isqrt(length) if graph else min(length, max(8, _CHUNK_NUMEL // max(1, state.numel())))
    whole = length // chunk * chunk
    sizes = [whole] if graph else [chunk] * (length // chunk)
    sizes += [length - whole] * (whole < length)
    outputs = []
    # split, not slices: the gradient of each slice would be as long as the whole sequence
    for parts in zip(*(x.split(sizes) for x in (u_, delta_, B_, C_))):
        tokens = parts[0].shape[0]
        parts, scan = [x.contiguous() for x in parts], _steps
        if graph:
            scan, parts = _all_chunks, [x.unflatten(0, (-1, min(chunk, tokens))) for x in parts]
        run = (*parts[:2], A_, *parts[2:], state)
        if torch.is_grad_enabled() and any(x.requires_grad for x in run):
            y, state = checkpoint(scan, *run, use_reentrant=False)
        else:
            y, state = scan(*run)
        outputs.append(y.reshape(tokens, batch, dim))
    out = torch.cat(outputs)
    if D is not None:
        out = out + u_.reshape(length, batch, dim) * D.to(dtype)
    out = out.permute(1, 2, 0)
    if z is not None:
        out = out * F.silu(z.to(dtype))
    return out.to(u.dtype), state.reshape(batch, dim, num_states)
