"""The two-layer perceptron of all blocks."""
from __future__ import annotations

from typing import Optional

import torch.nn.functional as F
from torch import Tensor, nn


class MLP(nn.Module):
    """Two linear layers with a GELU between, applied to every token.

    Args:
        embed_dims (int): Input channels D.
        ratio (float): Width of the hidden layer in units of D.
        out_dims (int, optional): Output channels. Defaults to D.
    """

    def __init__(self, embed_dims: int, ratio: float, out_dims: Optional[int] = None) -> None:
        super().__init__()
        hidden = round(embed_dims * ratio)
        self.expand = nn.Linear(embed_dims, hidden)
        self.reduce = nn.Linear(hidden, embed_dims if out_dims is None else out_dims)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(...,D)`` to ``(...,out_dims)``."""
        return self.reduce(F.gelu(self.expand(x)))
