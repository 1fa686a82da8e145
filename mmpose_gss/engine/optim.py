"""Optimiser wrappers: only what is trained is optimised, and mixed precision without a GPU."""
from __future__ import annotations

from contextlib import contextmanager
from typing import Iterator, Union

import torch
from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from torch import nn

from mmpose_gss.registry import OPTIM_WRAPPER_CONSTRUCTORS, OPTIM_WRAPPERS


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class TrainableOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """MMEngine's constructor over the parameters that require a gradient.

    MMEngine's own hands frozen parameters to the optimiser too. They would be carried through every step
    and every checkpoint's optimiser state.
    """

    def __call__(self, model: nn.Module) -> OptimWrapper:
        """Build the wrapper.

        Args:
            model (nn.Module): The model, possibly wrapped for distributed training.

        Raises:
            ValueError: If nothing in the model requires a gradient.
        """
        wrapper = super().__call__(model)
        for group in wrapper.optimizer.param_groups:
            group['params'] = [param for param in group['params'] if param.requires_grad]
        wrapper.optimizer.param_groups[:] = [g for g in wrapper.optimizer.param_groups if g['params']]
        if not wrapper.optimizer.param_groups:
            raise ValueError('no parameter of the model requires a gradient; unfreeze the neck or the head')
        return wrapper


@OPTIM_WRAPPERS.register_module()
class CPUAmpOptimWrapper(OptimWrapper):
    """Mixed precision on the CPU: forward under ``torch.autocast``, no loss scaling.

    Args:
        dtype (str | torch.dtype): bfloat16 has float32's range, so gradients need no scaling.
        **kwargs: Those of MMEngine's OptimWrapper.
    """

    def __init__(self, dtype: Union[str, torch.dtype] = 'bfloat16', **kwargs):
        super().__init__(**kwargs)
        self.cast_dtype = getattr(torch, dtype) if isinstance(dtype, str) else dtype

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Context of the forward pass."""
        with super().optim_context(model), torch.autocast('cpu', dtype=self.cast_dtype):
            yield
