"""Optimiser wrappers: only what is trained is optimised, and mixed precision without a GPU."""
from __future__ import annotations

from contextlib import contextmanager
from typing import Iterator, Optional, Union

import torch
from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from torch import nn

from mmpose_gss.errors import UserError
from mmpose_gss.registry import OPTIM_WRAPPER_CONSTRUCTORS, OPTIM_WRAPPERS

#: Neither normalisations nor biases are decayed, unless a config says otherwise.
_UNDECAYED = dict(norm_decay_mult=0., bias_decay_mult=0.)


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class TrainableOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """MMEngine's constructor over the parameters that require a gradient, with weight decay where it belongs.

    MMEngine's own hands frozen parameters to the optimiser too. They would be carried through every step
    and every checkpoint's optimiser state. Weight decay leaves out normalisations and biases
    (``paramwise_cfg=dict(norm_decay_mult=1., bias_decay_mult=1.)`` brings them in) and every parameter that
    says so itself by Mamba's convention, the attribute ``_no_weight_decay``.
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: Optional[dict] = None) -> None:
        decayed = optim_wrapper_cfg.get('optimizer', {}).get('weight_decay') is not None
        super().__init__(optim_wrapper_cfg, {**(_UNDECAYED if decayed else {}), **(paramwise_cfg or {})})

    def __call__(self, model: nn.Module) -> OptimWrapper:
        """Build the wrapper.

        Args:
            model (nn.Module): The model, possibly wrapped for distributed training.

        Raises:
            UserError: If nothing in the model requires a gradient.
        """
        wrapper = super().__call__(model)
        groups = []
        for group in wrapper.optimizer.param_groups:
            trained = [param for param in group['params'] if param.requires_grad]
            marked = [param for param in trained if getattr(param, '_no_weight_decay', False)]
            plain = [param for param in trained if not getattr(param, '_no_weight_decay', False)]
            groups += [{**group, 'params': plain}, {**group, 'params': marked, 'weight_decay': 0.}]
        wrapper.optimizer.param_groups[:] = [group for group in groups if group['params']]
        if not wrapper.optimizer.param_groups:
            raise UserError('no parameter of the model requires a gradient; unfreeze the neck or the head')
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
