"""The selective scan of the mamba-ssm package (CUDA), when it is installed."""
from importlib import import_module
from importlib.util import find_spec
from typing import Optional, Tuple

import torch
from torch import Tensor

from mmpose_gss.ops.scan.inputs import ScanInputs


def missing(device: torch.device, dtype: torch.dtype) -> Optional[str]:
    """Say what keeps this backend from running for a device and type, or None."""
    if find_spec('mamba_ssm') is None:
        return "the package mamba-ssm is not installed (pip install 'mmpose_gss[cuda]')"
    if device.type != 'cuda':
        return f'mamba-ssm runs on CUDA tensors, these are on {device.type}'
    if dtype == torch.float64:
        return 'mamba-ssm does not compute in float64'
    return None


def selective_scan_mamba(inputs: ScanInputs) -> Tuple[Tensor, Tensor]:
    """Scan by mamba-ssm; the contract is that of :func:`mmpose_gss.ops.scan.naive.selective_scan_naive`.

    mamba-ssm treats the last state as a constant in its backward pass.
    """
    u, delta, A, B, C, D, z, delta_bias, delta_softplus = inputs
    if u.shape[0] == 0:
        return torch.empty_like(u), u.new_zeros(0, u.shape[1], A.shape[1], dtype=torch.float32)
    scan = import_module('mamba_ssm.ops.selective_scan_interface').selective_scan_fn
    D, delta_bias = (None if x is None else x.float() for x in (D, delta_bias))
    return scan(u, delta, A.float(), B, C, D, z, delta_bias, delta_softplus, True)
