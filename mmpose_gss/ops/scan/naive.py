"""The selective scan as a plain loop over tokens: the oracle every other backend is compared with.

Legend: B batch, D channels, L tokens, N states, G groups of channels sharing B and C.
"""
from typing import Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mmpose_gss.ops.scan.inputs import ScanInputs


def selective_scan_naive(inputs: ScanInputs) -> Tuple[Tensor, Tensor]:
    """Scan token by token: h_l = exp(Δ_l A) h_{l-1} + Δ_l B_l u_l,  y_l = C_l h_l + D u_l.

    This is equation 2 of Mamba (arXiv 2312.00752) with its discretisation.

    Args:
        inputs (ScanInputs): See there for shapes.

    Returns:
        tuple[Tensor, Tensor]: Output (B, D, L) in the type of ``u``; last state (B, D, N) in the computing
        type: float64 when ``u`` is float64, else float32.
    """
    u, delta, A, B, C, D, z, delta_bias, delta_softplus = inputs
    dtype = torch.float64 if u.dtype == torch.float64 else torch.float32
    batch, dim, length = u.shape
    groups, num_states = B.shape[1], A.shape[1]
    delta_ = delta.to(dtype)
    if delta_bias is not None:
        delta_ = delta_ + delta_bias.to(dtype)[:, None]
    if delta_softplus:
        delta_ = F.softplus(delta_)
    delta_ = delta_.reshape(batch, groups, dim // groups, length)
    u_ = u.to(dtype).reshape(batch, groups, dim // groups, length)
    A_, B_, C_ = A.to(dtype).view(groups, -1, num_states), B.to(dtype), C.to(dtype)
    state = u_.new_zeros(batch, groups, dim // groups, num_states)
    outputs = []
    for t in range(length):
        decay = torch.exp(delta_[..., t, None] * A_)
        state = decay * state + (delta_[..., t] * u_[..., t])[..., None] * B_[:, :, None, :, t]
        outputs.append((state * C_[:, :, None, :, t]).sum(-1))
    out = torch.stack(outputs, dim=-1).view(batch, dim, length)
    if D is not None:
        out = out + u.to(dtype) * D.to(dtype)[:, None]
    if z is not None:
        out = out * F.silu(z.to(dtype))
    return out.to(u.dtype), state.view(batch, dim, num_states)
