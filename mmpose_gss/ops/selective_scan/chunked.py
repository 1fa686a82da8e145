"""The selective scan in pure torch, vectorised inside chunks; runs on any device, differentiable, exportable.

Legend: B batch, D channels, L tokens, N states, G groups; a segment is C chunks of Q tokens.

A segment is scanned in three moves: all its chunks at once from a zero state (Q steps, vectorised over
chunks), then the chunks' end states one after another (C steps on small tensors), then the carried states'
share is added to every token. Only products of decays exp(Δ·A) are formed, never their quotients, so large
Δ·A cannot overflow. Under autograd a segment is recomputed in the backward pass, so that only the states
between segments are kept.
"""
from typing import Optional, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

#: Numbers in one (B, C, D, N) slice and in a whole segment; sized for the caches of a CPU.
_SLICE_NUMEL = 1 << 18
_CHUNK = 16


def _scan_segment(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor,
                  state: Tensor) -> Tuple[Tensor, Tensor]:
    """Scan one segment.

    Args:
        u, delta (Tensor): (B, C, Q, G, D/G).
        A (Tensor): (G, D/G, N).
        B, C (Tensor): (B, C, Q, G, N).
        state (Tensor): (B, G, D/G, N).

    Returns:
        tuple[Tensor, Tensor]: Output (B, C, Q, G, D/G) and the next state.
    """
    du = delta * u
    local, states = torch.zeros_like(state[:, None]), []  # (B, C, G, D/G, N)
    for q in range(u.shape[2]):
        decay = torch.exp(delta[:, :, q, :, :, None] * A)
        local = torch.addcmul(du[:, :, q, :, :, None] * B[:, :, q, :, None], decay, local)
        states.append(local)
    passed = torch.exp(delta.cumsum(2)[..., None] * A)  # decay from a chunk's start to each of its tokens
    carried = []
    for c in range(u.shape[1]):
        carried.append(state)
        state = torch.addcmul(states[-1][:, c], passed[:, c, -1], state)
    states = torch.addcmul(torch.stack(states, 2), passed, torch.stack(carried, 1)[:, :, None])
    return torch.matmul(states, C[..., None]).squeeze(-1), state


def selective_scan_chunked(u: Tensor,
                           delta: Tensor,
                           A: Tensor,
                           B: Tensor,
                           C: Tensor,
                           D: Optional[Tensor] = None,
                           z: Optional[Tensor] = None,
                           delta_bias: Optional[Tensor] = None,
                           delta_softplus: bool = False) -> Tuple[Tensor, Tensor]:
    """Same contract as :func:`mmpose_gss.ops.selective_scan.naive.selective_scan_naive`."""
    dtype = torch.float64 if u.dtype == torch.float64 else torch.float32
    batch, dim, length = u.shape
    groups, num_states = B.shape[1], A.shape[1]

    def tokens_first(x: Tensor) -> Tensor:  # (B, D, L) or (B, G, N, L) -> (B, L, G, D/G or N)
        return x.to(dtype).movedim(-1, 1).unflatten(2, (groups, dim // groups)) if x.dim() == 3 else \
            x.to(dtype).movedim(-1, 1)

    u_, delta_, B_, C_ = (tokens_first(x) for x in (u, delta, B, C))
    if delta_bias is not None:
        delta_ = delta_ + delta_bias.to(dtype).view(groups, -1)
    if delta_softplus:
        delta_ = F.softplus(delta_)
    A_ = A.to(dtype).view(groups, -1, num_states)
    state = u_.new_zeros(batch, groups, dim // groups, num_states)
    chunks = max(1, _SLICE_NUMEL // max(1, state.numel()))
    outputs, at = [], 0
    while at < length:
        left = length - at
        chunk = min(_CHUNK, left)
        count = min(chunks, left // chunk)
        args = [x[:, at:at + count * chunk].unflatten(1, (count, chunk))
                for x in (u_, delta_, B_, C_)]
        run = (args[0], args[1], A_, args[2], args[3], state)
        if torch.is_grad_enabled() and any(x.requires_grad for x in run):
            y, state = checkpoint(_scan_segment, *run, use_reentrant=False)
        else:
            y, state = _scan_segment(*run)
        outputs.append(y.reshape(batch, count * chunk, dim))
        at += count * chunk
    out = torch.cat(outputs, dim=1)
    if D is not None:
        out = out + u_.reshape(batch, length, dim) * D.to(dtype)
    out = out.transpose(1, 2)
    if z is not None:
        out = out * F.silu(z.to(dtype))
    return out.to(u.dtype), state.reshape(batch, dim, num_states)
