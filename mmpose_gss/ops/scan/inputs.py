"""What every backend of the selective scan takes and gives.

Legend: B batch, D channels, L tokens, N states, G groups of channels sharing B and C.
"""
from typing import Callable, NamedTuple, Optional, Tuple

from torch import Tensor


class ScanInputs(NamedTuple):
    """Arguments of :func:`mmpose_gss.ops.selective_scan`, checked and with groups."""
    u: Tensor                     # (B, D, L)
    delta: Tensor                 # (B, D, L)
    A: Tensor                     # (D, N)
    B: Tensor                     # (B, G, N, L)
    C: Tensor                     # (B, G, N, L)
    D: Optional[Tensor]           # (D,)
    z: Optional[Tensor]           # (B, D, L)
    delta_bias: Optional[Tensor]  # (D,)
    delta_softplus: bool


#: A backend: output (B, D, L) in the type of ``u``, and last state (B, D, N) in the computing type, which is
#: float64 when ``u`` is float64, else float32.
ScanBackend = Callable[[ScanInputs], Tuple[Tensor, Tensor]]
