"""Deformable convolution with torchvision's signature, fast on CPU through the C++ extension.

Legend: B batch, C channels in, O channels out, H rows, W columns, (h, w) output map, kh x kw kernel, kk = kh
* kw, Q groups of channels with offsets of their own.

torchvision samples every channel by itself. Here channels lie last and the sampling places of a pixel are
computed once for all channels that share them. Depth-wise weights are applied while sampling; for others the
sampled columns are multiplied by the weights as one matrix product.
"""
import ctypes
from importlib import import_module
from importlib.util import find_spec
from typing import Any, List, Optional, Sequence, Tuple, Union

import torch
from torch import Tensor

from mmpose_gss.ops.flops import MultiplyAdds, counted
from mmpose_gss.ops.native import library
from mmpose_gss.ops.native.library import fields

BACKENDS = ('cpu', 'torchvision')
_MOST_PANELS = 4

Places = Tuple[int, int]  # rows, columns
Pair = Union[int, Places]


class _Args(ctypes.Structure):
    """Mirror of ``DeformArgs`` in csrc/deform_args.h, field by field."""
    _fields_ = (fields(ctypes.c_int64,
                       ('is_double', 'depthwise', 'batch', 'channels', 'height', 'width', 'out_height',
                        'out_width', 'kernel_h', 'kernel_w', 'stride_h', 'stride_w', 'pad_h', 'pad_w',
                        'dilation_h', 'dilation_w', 'offset_groups', 'panels', 'threads')) +
                fields(ctypes.c_void_p, ('input', 'offset', 'mask', 'weight', 'bias', 'out', 'dout', 'dinput',
                                         'doffset', 'dmask', 'dweight')))


def _arguments(input: Tensor, offset: Tensor, mask: Optional[Tensor], weight: Optional[Tensor],
               bias: Optional[Tensor], geometry: Sequence[int]) -> _Args:
    """Make the arguments: input (B,H,W,C), offset (B,h,w,Q*kk*2), mask (B,h,w,Q*kk), weight (kk,C)."""
    args = _Args()
    args.batch, args.height, args.width, args.channels = input.shape
    _, args.out_height, args.out_width, _ = offset.shape
    (args.kernel_h, args.kernel_w, args.stride_h, args.stride_w, args.pad_h, args.pad_w, args.dilation_h,
     args.dilation_w) = geometry
    places = args.kernel_h * args.kernel_w
    args.is_double, args.depthwise = input.dtype == torch.float64, weight is not None
    args.offset_groups = offset.shape[-1] // (2 * places)
    group_channels = args.channels // args.offset_groups
    args.panels = min(_MOST_PANELS, max(1, group_channels // 32))  # by shape alone: sums keep their order
    args.threads = library.threads_for(
        args.batch * args.out_height * args.out_width * places * args.channels, 500_000)
    for name, x in (('input', input), ('offset', offset), ('mask', mask), ('weight', weight), ('bias', bias)):
        setattr(args, name, library.address(x))
    return args


def _out_shape(input: Tensor, offset: Tensor, weight: Optional[Tensor],
               geometry: Sequence[int]) -> Tuple[int, ...]:
    batch, height, width, _ = offset.shape
    if weight is not None:
        return batch, height, width, input.shape[3]
    return batch, height, width, geometry[0] * geometry[1], input.shape[3]


@torch.library.custom_op('mmpose_gss::deform_sample_cpu', mutates_args=(), device_types='cpu')
def _sample(input: Tensor, offset: Tensor, mask: Optional[Tensor], weight: Optional[Tensor],
            bias: Optional[Tensor], geometry: List[int]) -> Tensor:
    """Compute the depth-wise result (B,h,w,C) with a weight, columns (B,h,w,kk,C) without; channels last."""
    out = input.new_empty(_out_shape(input, offset, weight, geometry))
    if out.numel():
        tensors = [None if x is None else x.contiguous() for x in (input, offset, mask, weight, bias)]
        args = _arguments(*tensors, geometry)
        args.out = out.data_ptr()
        library.call('deform_forward', args)
    return out


@_sample.register_fake
def _sample_fake(input: Tensor, offset: Tensor, mask: Optional[Tensor], weight: Optional[Tensor],
                 bias: Optional[Tensor], geometry: List[int]) -> Tensor:
    return input.new_empty(_out_shape(input, offset, weight, geometry))


@torch.library.custom_op('mmpose_gss::deform_sample_cpu_backward', mutates_args=(), device_types='cpu')
def _sample_backward(dout: Tensor, input: Tensor, offset: Tensor, mask: Optional[Tensor],
                     weight: Optional[Tensor], geometry: List[int]) -> List[Tensor]:
    """Compute the gradients by input, offset, mask and weight (empty for those that are None)."""
    if dout.numel() == 0:
        return [x.zero_() for x in _sample_backward_fake(dout, input, offset, mask, weight, geometry)]
    dout, input, offset = dout.contiguous(), input.contiguous(), offset.contiguous()
    mask, weight = (None if x is None else x.contiguous() for x in (mask, weight))
    args = _arguments(input, offset, mask, weight, None, geometry)
    dinput = torch.zeros_like(input)
    doffset = offset.new_empty(args.panels, *offset.shape)
    dmask = offset.new_empty(0) if mask is None else mask.new_empty(args.panels, *mask.shape)
    dweight = offset.new_empty(0) if weight is None else weight.new_empty(args.batch, *weight.shape)
    for name, x in (('dout', dout), ('dinput', dinput), ('doffset', doffset), ('dmask', dmask),
                    ('dweight', dweight)):
        setattr(args, name, library.address(x))
    library.call('deform_backward', args)
    return [dinput, doffset.sum(0), dmask if mask is None else dmask.sum(0),
            dweight if weight is None else dweight.sum(0)]


@_sample_backward.register_fake
def _sample_backward_fake(dout: Tensor, input: Tensor, offset: Tensor, mask: Optional[Tensor],
                          weight: Optional[Tensor], geometry: List[int]) -> List[Tensor]:
    return [
        input.new_empty(0) if x is None else input.new_empty(x.shape) for x in (input, offset, mask, weight)
    ]


def _context(ctx: Any, inputs: tuple, output: Tensor) -> None:
    input, offset, mask, weight, bias, ctx.geometry = inputs
    ctx.has_bias = bias is not None
    ctx.save_for_backward(input, offset, mask, weight)


def _gradient(ctx: Any, dout: Tensor) -> tuple:
    input, offset, mask, weight = ctx.saved_tensors
    dinput, doffset, dmask, dweight = _sample_backward(dout, input, offset, mask, weight, ctx.geometry)
    dbias = dout.sum((0, 1, 2)) if ctx.has_bias else None
    return dinput, doffset, None if mask is None else dmask, None if weight is None else dweight, dbias, None


_sample.register_autograd(_gradient, setup_context=_context)


def _on_cpu(input: Tensor, offset: Tensor, weight: Tensor, bias: Optional[Tensor], geometry: List[int],
            mask: Optional[Tensor]) -> Tensor:
    """Run a deformable convolution by the extension; arguments in torchvision's layout."""
    dtype = torch.float64 if input.dtype == torch.float64 else torch.float32
    x, places, masks = (None if t is None else t.to(dtype).permute(0, 2, 3, 1) for t in (input, offset, mask))
    channels, outputs = input.shape[1], weight.shape[0]
    weight_ = weight.to(dtype).flatten(2)  # (O, C / groups, kk)
    bias_ = None if bias is None else bias.to(dtype)
    if weight.shape[1] == 1 and outputs == channels:
        out = _sample(x, places, masks, weight_[:, 0].t().contiguous(), bias_, geometry)
    else:
        columns = _sample(x, places, masks, None, None, geometry)  # (B, h, w, kk, C)
        groups = channels // weight.shape[1]
        columns = columns.unflatten(4, (groups, weight.shape[1]))
        grouped = weight_.unflatten(0, (groups, outputs // groups))
        out = torch.einsum('bhwkgc,gock->bhwgo', columns, grouped).flatten(3)
        out = out if bias_ is None else out + bias_
    return out.permute(0, 3, 1, 2).to(input.dtype)


@torch.compiler.assume_constant_result  # compilers must not trace an import
def _has_torchvision() -> bool:
    """Tell whether torchvision's operators are there; loads them, and so does not change in a process."""
    if find_spec('torchvision') is None:
        return False
    import_module('torchvision.ops')
    return True


def _by_torchvision(input: Tensor, offset: Tensor, weight: Tensor, bias: Optional[Tensor], stride: Places,
                    padding: Places, dilation: Places, mask: Optional[Tensor]) -> Tensor:
    """Run torchvision's operator; on CPU in float32 for half types, which it lacks there."""
    dtype = input.dtype
    half = input.device.type == 'cpu' and dtype in (torch.float16, torch.bfloat16)
    inner = torch.float32 if half else dtype
    # contiguous: compilers are told that the gradients are, which holds for such inputs only
    input, offset, weight, bias, mask = (None if x is None else x.to(inner).contiguous()
                                         for x in (input, offset, weight, bias, mask))
    use_mask = mask is not None
    if not use_mask:  # the operator wants tensors
        mask = input.new_zeros(input.shape[0], 1)
    if bias is None:
        bias = input.new_zeros(weight.shape[0])
    kernel = weight.shape[2] * weight.shape[3]
    with torch.autocast(input.device.type, enabled=False):
        out = torch.ops.torchvision.deform_conv2d(
            input, weight, offset, mask, bias, *stride, *padding, *dilation,
            input.shape[1] // weight.shape[1], offset.shape[1] // (2 * kernel), use_mask)
    return out.to(dtype)


def _pair(value: Pair, name: str, least: int) -> Tuple[int, int]:
    pair = (value, value) if isinstance(value, int) else tuple(value)
    if len(pair) != 2 or min(pair) < least:
        raise ValueError(f'{name} must be one or two integers of at least {least}, got {value}')
    return pair


def _check(input: Tensor, offset: Tensor, weight: Tensor, bias: Optional[Tensor], mask: Optional[Tensor],
           stride: Places, padding: Places, dilation: Places) -> None:
    if input.dim() != 4 or weight.dim() != 4 or offset.dim() != 4:
        raise ValueError(
            f'input, offset and weight must have 4 dimensions, got the shapes {tuple(input.shape)}, '
            f'{tuple(offset.shape)}, {tuple(weight.shape)}')
    for name, x in (('offset', offset), ('weight', weight), ('bias', bias), ('mask', mask)):
        if x is not None and (x.dtype != input.dtype or x.device != input.device):
            raise ValueError(f'{name} is {x.dtype} on {x.device}, it must be like input {input.dtype} on '
                             f'{input.device}')
    batch, channels = input.shape[:2]
    kernel = weight.shape[2:]
    places = kernel[0] * kernel[1]
    if weight.shape[1] == 0 or channels % weight.shape[1] or weight.shape[0] % (channels // weight.shape[1]):
        raise ValueError(f'weight {tuple(weight.shape)} must be (O, C / groups, kh, kw) with groups dividing '
                         f'C = {channels} and O')
    size = tuple((n + 2 * p - d * (k - 1) - 1) // s + 1
                 for n, p, d, k, s in zip(input.shape[2:], padding, dilation, kernel, stride))
    count = offset.shape[1] // (2 * places)
    if min(size) < 1 or count < 1 or channels % count or offset.shape != (batch, 2 * count * places, *size):
        raise ValueError(
            f'offset must be (B, Q * 2 * kh * kw, h, w) = ({batch}, Q * {2 * places}, {size[0]}, '
            f'{size[1]}) with Q dividing C = {channels}, got {tuple(offset.shape)}')
    if mask is not None and mask.shape != (batch, count * places, *size):
        raise ValueError(f'mask must be {(batch, count * places, *size)}, got {tuple(mask.shape)}')
    if bias is not None and bias.shape != (weight.shape[0],):
        raise ValueError(f'bias must be ({weight.shape[0]},), got {tuple(bias.shape)}')


def _multiply_adds(input: Tensor, offset: Tensor, weight: Tensor, bias: Optional[Tensor] = None,
                   stride: Pair = 1, padding: Pair = 0, dilation: Pair = 1, mask: Optional[Tensor] = None, *,
                   backend: str = 'auto') -> MultiplyAdds:
    """Count bilinear samples, 4 per tap and channel, and the convolution of them."""
    places, taps = offset[:, 0].numel(), weight.shape[-2] * weight.shape[-1]
    return MultiplyAdds(other=places * taps * input.shape[1] * 4 + places * weight.numel())


@counted(_multiply_adds)
def deform_conv2d(input: Tensor,
                  offset: Tensor,
                  weight: Tensor,
                  bias: Optional[Tensor] = None,
                  stride: Pair = 1,
                  padding: Pair = 0,
                  dilation: Pair = 1,
                  mask: Optional[Tensor] = None,
                  *,
                  backend: str = 'auto') -> Tensor:
    """Run deformable convolution v1, or v2 with a mask, as ``torchvision.ops.deform_conv2d`` does.

    Args:
        input (Tensor): (B, C, H, W); fastest on CPU in ``torch.channels_last`` memory format.
        offset (Tensor): (B, Q * 2 * kh * kw, h, w), pairs (dy, dx) per kernel place; fastest channels last.
        weight (Tensor): (O, C / groups, kh, kw); groups = C = O (depth-wise) is fastest.
        bias (Tensor | None): (O,).
        stride, padding, dilation (int | tuple[int, int]): As of a convolution.
        mask (Tensor | None): (B, Q * kh * kw, h, w), factor per kernel place.
        backend (str): ``cpu`` (the C++ extension), ``torchvision``, or ``auto``: the extension for CPU
            tensors when it is built.

    Returns:
        Tensor: (B, O, h, w) in the type of ``input``; channels last from ``cpu``.

    Raises:
        ValueError: Wrong shapes, mixed types or devices, unknown backend.
        RuntimeError: The asked backend cannot run here; the message names what is missing.
    """
    stride, padding, dilation = (_pair(stride, 'stride', 1), _pair(padding, 'padding', 0),
                                 _pair(dilation, 'dilation', 1))
    _check(input, offset, weight, bias, mask, stride, padding, dilation)
    if backend not in (*BACKENDS, 'auto'):
        raise ValueError(f'unknown backend {backend!r}: choose one of {", ".join(BACKENDS)} or auto')
    problem = library.problem() if input.device.type == 'cpu' else f'the input is on {input.device}'
    if backend == 'cpu' and problem:
        raise RuntimeError(f"the backend 'cpu' cannot run: {problem}")
    exporting = torch.jit.is_tracing() or torch.onnx.is_in_onnx_export()
    meta = input.device.type == 'meta'  # shapes alone: the extension's operator tells them
    if backend == 'cpu' or (backend == 'auto' and (meta or not problem) and not exporting):
        geometry = [*weight.shape[2:], *stride, *padding, *dilation]
        return _on_cpu(input, offset, weight, bias, geometry, mask)
    if not _has_torchvision():
        raise RuntimeError(f"the backend 'torchvision' cannot run: torchvision is not installed ({problem})")
    return _by_torchvision(input, offset, weight, bias, stride, padding, dilation, mask)
