"""Count parameters and multiply-adds of a model, per module and in two ways.

``paper``     what the profilers behind the papers' tables see: linear layers and convolutions.
``complete``  also attention's matrix products, selective scans and deformable convolutions.

Matrix products and convolutions are seen by PyTorch's dispatcher; this package's operators count themselves,
by the formulas and conventions of :mod:`mmpose_gss.ops.flops`. Nothing is computed: the model runs on shapes
alone (PyTorch's meta device), so the largest takes seconds.
"""
from __future__ import annotations

from collections import defaultdict
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterator, Optional, Sequence, Tuple

import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from mmpose_gss.errors import UserError
from mmpose_gss.ops.flops import MultiplyAdds, count_into

aten = torch.ops.aten


def _zeros() -> Dict[str, int]:
    return defaultdict(int)


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
    paper: Dict[str, int] = field(default_factory=_zeros)
    complete: Dict[str, int] = field(default_factory=_zeros)


def _product(func: Callable, args: Sequence[Any], out: Tensor) -> MultiplyAdds:
    """Count one of ATen's operations: products with weights as ``layers``, attention's as ``other``."""
    name = func.overloadpacket
    if name in (aten.mm, aten.addmm):
        left, right = args[-2:]
        return MultiplyAdds(layers=left.shape[0] * left.shape[1] * right.shape[1])
    if name is aten.linear:
        return MultiplyAdds(layers=args[0].numel() * args[1].shape[0])
    if name in (aten.bmm, aten.baddbmm):
        left, right = args[-2:]
        return MultiplyAdds(other=left.numel() * right.shape[2])
    if name in (aten.convolution, aten._convolution):
        weight, transposed = args[1], args[6]
        places = args[0] if transposed else out
        return MultiplyAdds(layers=places.numel() * weight[0].numel())
    if name.__name__.startswith('_scaled_dot_product'):
        query, key, value = args[:3]
        rows = query[..., :1].numel()
        return MultiplyAdds(other=query.numel() * key.shape[-2] + rows * key.shape[-2] * value.shape[-1])
    return MultiplyAdds()


class _Counter(TorchDispatchMode):
    """Count what runs inside it and book it on the modules that are running.

    Args:
        model (nn.Module): The model whose modules are known by name.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model, self.result, self.running, self.in_operator = model, Complexity(), [''], False
        for name, module in model.named_modules():
            params = list(module.parameters())
            self.result.params[name] = sum(param.numel() for param in params)
            self.result.trainable[name] = sum(param.numel() for param in params if param.requires_grad)

    def add(self, count: MultiplyAdds) -> None:
        """Book multiply-adds on the running module and on those it is part of."""
        if not any(count):
            return
        parts = self.running[-1].split('.') if self.running[-1] else []
        for i in range(len(parts) + 1):
            name = '.'.join(parts[:i])
            self.result.paper[name] += count.layers
            self.result.complete[name] += sum(count)

    def __torch_dispatch__(self, func: Callable, types: Sequence[type], args: Sequence[Any] = (),
                           kwargs: Optional[Dict[str, Any]] = None) -> Any:
        """Run and count an operation of ATen."""
        out = func(*args, **(kwargs or {}))
        if not self.in_operator:
            self.add(_product(func, args, out[0] if isinstance(out, (tuple, list)) and out else out))
        return out

    @contextmanager
    def listen(self, count: MultiplyAdds) -> Iterator[None]:
        """Book an operator of this package; what it is made of is not counted again."""
        if self.in_operator:
            yield
            return
        self.add(count)
        self.in_operator = True
        try:
            yield
        finally:
            self.in_operator = False

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count the model's operations and attribute them to its modules."""
        with ExitStack() as stack:
            for name, module in self.model.named_modules():
                if name:
                    stack.callback(module.register_forward_pre_hook(self._enter(name)).remove)
                    stack.callback(module.register_forward_hook(self._leave).remove)
            stack.enter_context(count_into(self.listen))
            stack.enter_context(self)
            yield

    def _enter(self, name: str) -> Callable:
        def hook(module: nn.Module, args: Sequence[Any]) -> None:
            self.running.append(name)
        return hook

    def _leave(self, module: nn.Module, args: Sequence[Any], out: Any) -> None:
        self.running.pop()


def count_complexity(model: nn.Module, shape: Sequence[int]) -> Complexity:
    """Count a model on an input of a shape.

    Args:
        model (nn.Module): Model of MMEngine (``mode='tensor'``) or any module of one tensor. It is moved to
            the meta device and thus loses its weights.
        shape (Sequence[int]): Shape of the input.

    Returns:
        Complexity: Parameters and multiply-adds per module.
    """
    model = model.eval().to('meta')
    counter = _Counter(model)
    inputs = torch.empty(*shape, device='meta')
    with torch.no_grad(), counter.counting():
        if isinstance(model, BaseModel):
            model(inputs, None, mode='tensor')
        else:
            model(inputs)
    return counter.result


def default_shape(cfg: Config) -> Tuple[int, ...]:
    """Read the shape of one sample from a config's codec and number of frames.

    Args:
        cfg (Config): Of an algorithm.

    Returns:
        tuple[int]: ``(1,T,3,H,W)`` of a video model, ``(1,T,J,C)`` of a lifting model.

    Raises:
        UserError: If the config does not tell.
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
    raise UserError(
        f'{cfg.filename} tells no input size (model.head.decoder.input_size) or number of frames '
        f'(model.neck.num_frames): give --shape, e.g. --shape 1 5 3 256 192')
