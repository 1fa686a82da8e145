"""Running an estimator on shapes alone, and saying which part of it does not fit.

Shapes: B persons, T frames, C channels, h, w size of a map.
"""
from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import Any, Callable, Iterator, List, NoReturn, Sequence, Tuple

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules.conv import _ConvNd

from mmpose_gss.errors import UserError
from mmpose_gss.structures.clip_window import ClipWindow


def last_map(feats: Any) -> Any:
    """The finest of several feature maps, out of whatever a backbone or a neck returns or takes."""
    feats = getattr(feats, 'maps', feats)
    return feats[-1] if isinstance(feats, (tuple, list)) and len(feats) else feats


def shape_of(feats: Any) -> Tuple[int, ...]:
    """Shape of :func:`last_map`, empty for what is no tensor."""
    return tuple(getattr(last_map(feats), 'shape', ()))


class ShapeProbe(nn.Module):
    """Runs backbone, neck and head of an estimator of MMPose up to the head's output.

    Args:
        model (nn.Module): An estimator with ``extract_feat`` and ``head``; it is not changed.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.running: List[Tuple[str, nn.Module, Tuple[int, ...]]] = []

    def forward(self, inputs: Tensor, *window: Any) -> Any:
        """Run on inputs; returns what the head returns."""
        feats = self.model.extract_feat(inputs, *window)
        # Estimators call `head.forward`, which runs no hooks: this is the head's entry.
        self.running = [('head', self.model.head, shape_of(feats))]
        return self.model.head.forward(feats)

    def run(self, shape: Sequence[int], *window: ClipWindow) -> Any:
        """Run without computing anything.

        Args:
            shape (Sequence[int]): Shape of the inputs.
            *window (ClipWindow): For estimators of windows: which frames these are.

        Returns:
            Any: The head's output, on the meta device, or on the model's where an operator knows no shapes.

        Raises:
            UserError: If a part does not take what the part before it gives; the sentence names both.
        """
        tensors = [*self.named_parameters(), *self.named_buffers()]
        shapes = {name: torch.empty_like(x, device='meta') for name, x in tensors}
        device = tensors[0][1].device
        with torch.no_grad(), _evaluating(self):
            try:
                with self._tracked():
                    return functional_call(self, shapes, (torch.empty(*shape, device='meta'), *window))
            except (RuntimeError, ValueError, AssertionError) as error:
                if device.type == 'meta':
                    self._refuse(error)
            # Some operators know no shapes: only what fails with numbers, too, is the config's fault.
            try:
                with self._tracked():
                    return self(torch.zeros(*shape, device=device), *window)
            except (RuntimeError, ValueError, AssertionError) as error:
                self._refuse(error)

    @contextmanager
    def _tracked(self) -> Iterator[None]:
        """Keep a stack of the running modules, whose top is the one that fails."""
        self.running = []
        with ExitStack() as stack:
            for name, module in self.model.named_modules():
                if name:
                    stack.callback(module.register_forward_pre_hook(self._enter(name)).remove)
                    stack.callback(module.register_forward_hook(self._leave).remove)
            yield

    def _enter(self, name: str) -> Callable:
        def hook(module: nn.Module, args: tuple) -> None:
            shape = shape_of(args[0]) if args else ()
            self.running.append((name, module, shape))
            if isinstance(module, _ConvNd):  # on the meta device a transposed one takes any channels
                channels = shape[-1 - len(module.kernel_size)]
                if channels != module.in_channels:
                    raise RuntimeError(f'it has in_channels {module.in_channels}, but the input {channels}')
        return hook

    def _leave(self, module: nn.Module, args: tuple, out: Any) -> None:
        self.running.pop()

    def _refuse(self, error: Exception) -> NoReturn:
        """Say in one sentence which part failed, and why."""
        part, module, shape = self.running[0] if self.running else ('', self.model, ())
        given = shape[-3] if len(shape) > 2 else None
        asked = getattr(module, 'in_channels', None)
        if part in ('neck', 'head') and isinstance(asked, int) and given is not None and asked != given:
            raise UserError(f'model.{part}.in_channels is {asked}, but what comes before the {part} gives '
                            f'{given} channels; set it to {given}') from error
        if isinstance(error, UserError):
            raise error
        name, _, shape = self.running[-1] if self.running else ('', None, ())
        reason = ' '.join(str(error).split())[:200].rstrip('.')
        raise UserError(f'model.{name} does not take an input of shape {shape}: {reason}; check the channels '
                        f'and sizes of model.{part} in the config') from error


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode for a while; afterwards every part is in the mode it was in."""
    modes = [(part, part.training) for part in module.modules()]
    for part, _ in modes:
        part.training = False
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode
