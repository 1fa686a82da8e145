"""Deformable convolution with torchvision's signature; fast on CPU through the C++ extension.

Legend: B batch, C channels in, O channels out, H rows, W columns, (h, w) output map, k kernel size.
"""
from importlib import import_module
from typing import Optional, Tuple, Union

from torch import Tensor

BACKENDS = ('torchvision',)


def deform_conv2d(input: Tensor, offset: Tensor, weight: Tensor, bias: Optional[Tensor] = None,
                  stride: Union[int, Tuple[int, int]] = 1, padding: Union[int, Tuple[int, int]] = 0,
                  dilation: Union[int, Tuple[int, int]] = 1, mask: Optional[Tensor] = None, *,
                  backend: str = 'auto') -> Tensor:
    """Deformable convolution v1, or v2 with a mask: ``torchvision.ops.deform_conv2d``."""
    run = import_module('torchvision.ops').deform_conv2d
    return run(input, offset, weight, bias, stride, padding, dilation, mask)
