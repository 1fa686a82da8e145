"""The selective scan of the C++ extension."""
from typing import Optional

import torch


def missing(device: torch.device, dtype: torch.dtype) -> Optional[str]:
    """What keeps this backend from running for a device and type, or None."""
    return 'the C++ extension is not built'


def selective_scan_cpu(*args):
    raise RuntimeError(missing(None, None))
