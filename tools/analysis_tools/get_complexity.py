#!/usr/bin/env python
"""Count parameters and multiply-adds of a model, per module and in two ways.

    python tools/analysis_tools/get_complexity.py CONFIG [--shape 1 5 3 256 192] [--depth 2]

``paper``     what the counters behind the papers' tables see: linear layers and convolutions.
``complete``  also attention's matrix products, selective scans and deformable convolutions.

Neither counts normalisations, activations and other element-wise operations. One multiply-add is one, as in
the papers ("GFLOPs"). Scans: 4 per token, channel, state and scan order (discretise A, discretise B·x,
update, read out) and 1 for the skip connection. Deformable convolutions: 4 per tap and channel for the
bilinear samples and the convolution itself.

Nothing is computed: the model runs on shapes alone (PyTorch's meta device), so the largest takes seconds.
"""
from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Callable, Dict, Iterator, List, Optional, Sequence, Tuple
from unittest import mock

import torch
from mmengine.config import Config, DictAction
from mmengine.model import BaseModel
from mmengine.registry import init_default_scope
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from mmpose_gss import ops
from mmpose_gss.engine.cli import run_command
from mmpose_gss.engine.config import load_config
from mmpose_gss.registry import MODELS

aten = torch.ops.aten


@dataclass
class Complexity:
    """Counts of one model; keys are module names, ``''`` the whole model.

    Attributes:
        params (dict[str, int]): All parameters.
        trainable (dict[str, int]): Those that require a gradient.
        paper (dict[str, int]): Multiply-adds in linear layers and convolutions.
        complete (dict[str, int]): All counted multiply-adds.
    """
    params: Dict[str, int] = field(default_factory=dict)
    trainable: Dict[str, int] = field(default_factory=dict)
    paper: Dict[str, int] = field(default_factory=lambda: defaultdict(int))
    complete: Dict[str, int] = field(default_factory=lambda: defaultdict(int))


def _product(func, args: Sequence, out: Tensor) -> Tuple[int, bool]:
    """Multiply-adds of an ATen operation and whether it is a layer with weights (else an attention
    product)."""
    name = func.overloadpacket
    if name in (aten.mm, aten.addmm):
        left, right = args[-2:]
        return left.shape[0] * left.shape[1] * right.shape[1], True
    if name is aten.linear:
        return args[0].numel() * args[1].shape[0], True
    if name in (aten.bmm, aten.baddbmm):
        left, right = args[-2:]
        return left.numel() * right.shape[2], False
    if name in (aten.convolution, aten._convolution):
        weight, transposed = args[1], args[6]
        places = args[0] if transposed else out
        return places.numel() * weight[0].numel(), True
    if name.__name__.startswith('_scaled_dot_product'):
        query, key, value = args[:3]
        return query.numel() * key.shape[-2] + query[..., :1].numel() * key.shape[-2] * value.shape[-1], False
    return 0, False


class Counter(TorchDispatchMode):
    """Counts what runs inside it and books it on the modules that are running.

    Args:
        model (nn.Module): The model whose modules are known by name.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model, self.result, self.running = model, Complexity(), ['']
        for name, module in model.named_modules():
            params = list(module.parameters())
            self.result.params[name] = sum(param.numel() for param in params)
            self.result.trainable[name] = sum(param.numel() for param in params if param.requires_grad)

    def add(self, macs: int, layer: bool) -> None:
        """Book multiply-adds on the running module and those it is part of; ``layer`` if the papers'
        counters see them."""
        name = self.running[-1]
        parts = name.split('.') if name else []
        for i in range(len(parts) + 1):
            name = '.'.join(parts[:i])
            self.result.complete[name] += macs
            self.result.paper[name] += macs if layer else 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        """Run and count an operation."""
        out = func(*args, **(kwargs or {}))
        macs, layer = _product(func, args, out[0] if isinstance(out, (tuple, list)) and out else out)
        if macs:
            self.add(macs, layer)
        return out

    # What follows stands in for the operators of ``mmpose_gss.ops``: right shapes, no work.

    def ordered_scan(self, x: Tensor, orders: Sequence, x_proj_weight: Tensor, dt_proj_weight: Tensor,
                     dt_bias: Tensor, A: Tensor, D: Optional[Tensor] = None, *, merge=None,
                     conv_weight: Optional[Tensor] = None, conv_bias: Optional[Tensor] = None,
                     backend: str = 'auto') -> Tensor:
        """Projections once if all orders share them, a scan per order."""
        channels, num_orders = x.shape[-1], len(orders)
        tokens = x.numel() // channels
        shared = conv_weight is None and x_proj_weight.dim() == 2 and dt_proj_weight.dim() == 2
        per_token = (x_proj_weight.shape[-2] + dt_proj_weight.shape[-1]) * channels
        self.add(tokens * per_token * (1 if shared else num_orders), True)
        width = 0 if conv_weight is None else conv_weight.shape[-1]
        self.add(tokens * num_orders * channels * width, True)
        self.add(tokens * num_orders * channels * (4 * A.shape[-1] + (D is not None)), False)
        return x.new_empty(max(ops.merge_groups(num_orders, merge)) + 1, *x.shape)

    def selective_scan(self, u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor,
                       D: Optional[Tensor] = None, z: Optional[Tensor] = None,
                       delta_bias: Optional[Tensor] = None, delta_softplus: bool = False,
                       return_last_state: bool = False, *, backend: str = 'auto'):
        """One scan of ``(B,D,L)``."""
        self.add(u.numel() * (4 * A.shape[-1] + (D is not None)), False)
        out = torch.empty_like(u)
        return (out, u.new_empty(*u.shape[:2], A.shape[-1])) if return_last_state else out

    def causal_conv1d(self, x: Tensor, weight: Tensor, bias: Optional[Tensor] = None,
                      activation: Optional[str] = None) -> Tensor:
        """A depth-wise convolution along ``(B,D,L)``."""
        self.add(x.numel() * weight.shape[-1], True)
        return torch.empty_like(x)

    def deform_conv2d(self, input: Tensor, offset: Tensor, weight: Tensor, bias: Optional[Tensor] = None,
                      stride=(1, 1), padding=(0, 0), dilation=(1, 1), mask: Optional[Tensor] = None,
                      **kwargs) -> Tensor:
        """Bilinear samples and the convolution of them."""
        places, taps = offset[:, 0].numel(), weight.shape[-2] * weight.shape[-1]
        self.add(places * taps * input.shape[1] * 4 + places * weight.numel(), False)
        return input.new_empty(input.shape[0], weight.shape[0], *offset.shape[-2:])

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count the model's operations and attribute them to its modules."""
        with ExitStack() as stack:
            for name, module in self.model.named_modules():
                if name:
                    stack.callback(module.register_forward_pre_hook(self._enter(name)).remove)
                    stack.callback(module.register_forward_hook(self._leave).remove)
            for op in ('ordered_scan', 'selective_scan', 'causal_conv1d', 'deform_conv2d'):
                for module in _users(op):
                    stack.enter_context(mock.patch.object(module, op, getattr(self, op)))
            stack.enter_context(self)
            yield

    def _enter(self, name: str) -> Callable:
        def hook(module, args):
            self.running.append(name)
        return hook

    def _leave(self, module, args, out):
        self.running.pop()


def _users(op: str) -> List:
    """Modules outside ``mmpose_gss.ops`` that have imported one of its operators."""
    function = getattr(ops, op)
    return [module for name, module in list(sys.modules.items())
            if not name.startswith('mmpose_gss.ops.') and module is not None
            and getattr(module, '__dict__', {}).get(op) is function]


def count(model: nn.Module, shape: Sequence[int]) -> Complexity:
    """Count a model on an input of a shape.

    Args:
        model (nn.Module): Model of MMEngine (``mode='tensor'``) or any module of one tensor. It is moved to
            the meta device and thus loses its weights.
        shape (Sequence[int]): Shape of the input.
    """
    model = model.eval().to('meta')
    counter = Counter(model)
    inputs = torch.empty(*shape, device='meta')
    with torch.no_grad(), counter.counting():
        if isinstance(model, BaseModel):
            model(inputs, None, mode='tensor')
        else:
            model(inputs)
    return counter.result


def default_shape(cfg: Config) -> Tuple[int, ...]:
    """Shape of one sample, from the config's codec and number of frames.

    Raises:
        ValueError: If the config does not tell.
    """
    model = cfg.model
    decoder = model.get('head', {}).get('decoder') or {}
    frames = model.get('neck', {}).get('num_frames') if model.get('neck') else 1
    if 'input_size' in decoder and frames:
        width, height = decoder['input_size']
        return 1, frames, 3, height, width
    backbone = model.get('backbone', {})
    if 'num_joints' in backbone or backbone.get('type', '').endswith('PoseMamba'):
        return (1, backbone.get('num_frames', 243), backbone.get('num_joints', 17),
                backbone.get('in_channels', 2))
    raise ValueError(
        f'{cfg.filename} tells no input size (model.head.decoder.input_size) or number of frames '
        f'(model.neck.num_frames): give --shape, e.g. --shape 1 5 3 256 192.')


def report(result: Complexity, depth: int) -> str:
    """Write the counts of modules down to ``depth`` as a table."""
    rows = [('module', 'params', 'trainable', 'paper [G]', 'complete [G]')]
    for name in result.params:
        if name and name.count('.') >= depth or not (result.params[name] or result.complete.get(name)):
            continue
        rows.append((name or '(whole model)', f'{result.params[name]:,}', f'{result.trainable[name]:,}',
                     f'{result.paper[name] / 1e9:.3f}', f'{result.complete[name] / 1e9:.3f}'))
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    return '\n'.join('  '.join(cell.ljust(width) if i == 0 else cell.rjust(width)
                               for i, (cell, width) in enumerate(zip(row, widths))) for row in rows)


def main(argv: Optional[List[str]] = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config file, or the base name of a shipped one')
    parser.add_argument('--shape', type=int, nargs='+', help='shape of the input; default: one sample')
    parser.add_argument('--depth', type=int, default=2, help='levels of modules to list')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={}, help='override the config')
    args = parser.parse_args(argv)
    cfg = load_config(args.config)
    cfg.merge_from_dict(args.cfg_options)
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    shape = tuple(args.shape or default_shape(cfg))
    result = count(MODELS.build(cfg.model), shape)
    print(report(result, args.depth))
    print(f'\ninput {shape}: {result.trainable[""] / 1e6:.2f} M trainable of {result.params[""] / 1e6:.2f} M '
          f'parameters, {result.paper[""] / 1e9:.1f} G multiply-adds as the papers count, '
          f'{result.complete[""] / 1e9:.1f} G complete')


if __name__ == '__main__':
    run_command(main)
