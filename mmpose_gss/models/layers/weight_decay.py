"""A parameter that must not be decayed says so itself, by Mamba's convention."""
from __future__ import annotations

from torch import nn


def without_weight_decay(parameter: nn.Parameter) -> nn.Parameter:
    """Mark a parameter; :class:`mmpose_gss.TrainableOptimWrapperConstructor` reads the mark."""
    parameter._no_weight_decay = True
    return parameter
