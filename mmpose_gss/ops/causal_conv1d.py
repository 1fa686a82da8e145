"""Short causal depth-wise convolution, with the signature of the causal-conv1d package.

Legend: B batch, D channels, L tokens.
"""
from importlib import import_module
from importlib.util import find_spec
from typing import Optional

import torch.nn.functional as F
from torch import Tensor

from mmpose_gss.ops.flops import MultiplyAdds, counted


def _package_takes(x: Tensor, width: int) -> bool:
    """Tell whether the causal-conv1d package is installed and its kernel covers this call."""
    return x.is_cuda and 2 <= width <= 4 and x.numel() > 0 and find_spec('causal_conv1d') is not None


def _multiply_adds(x: Tensor, weight: Tensor, bias: Optional[Tensor] = None,
                   activation: Optional[str] = None) -> MultiplyAdds:
    """Count a depth-wise convolution along (B, D, L)."""
    return MultiplyAdds(layers=x.numel() * weight.shape[-1])


@counted(_multiply_adds)
def causal_conv1d(x: Tensor, weight: Tensor, bias: Optional[Tensor] = None,
                  activation: Optional[str] = None) -> Tensor:
    """Run a depth-wise convolution in which output l sees inputs l-width+1 … l only.

    Runs the causal-conv1d package's kernel for CUDA tensors when that package is installed, torch otherwise.

    Args:
        x (Tensor): (B, D, L).
        weight (Tensor): (D, width); ``weight[:, -1]`` multiplies the current token.
        bias (Tensor | None): (D,).
        activation (str | None): None, ``'silu'`` or ``'swish'`` (the same).

    Returns:
        Tensor: (B, D, L), in the type of ``x``.

    Raises:
        ValueError: Wrong shapes or an unknown activation.
    """
    if activation not in (None, 'silu', 'swish'):
        raise ValueError(f"activation must be None, 'silu' or 'swish', got {activation!r}")
    if x.dim() != 3:
        raise ValueError(f'x must be (B, D, L), got the shape {tuple(x.shape)}')
    if weight.dim() != 2 or weight.shape[0] != x.shape[1] or weight.shape[1] < 1:
        raise ValueError(
            f'weight must be (D, width) with D = {x.shape[1]}, got the shape {tuple(weight.shape)}')
    if bias is not None and bias.shape != (x.shape[1],):
        raise ValueError(f'bias must be (D,) with D = {x.shape[1]}, got the shape {tuple(bias.shape)}')
    width = weight.shape[1]
    if _package_takes(x, width):
        return import_module('causal_conv1d').causal_conv1d_fn(x, weight, bias, activation=activation)
    out = F.conv1d(F.pad(x, (width - 1, 0)),
                   weight[:, None].to(x.dtype),
                   None if bias is None else bias.to(x.dtype),
                   groups=x.shape[1])
    return out if activation is None else F.silu(out)
