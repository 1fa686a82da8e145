"""Feed-forward network of the blocks."""
from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class FFN(nn.Module):
    """Two linear layers with a GELU between, applied to every token.

    Args:
        embed_dims (int): D.
        ratio (float): Width of the hidden layer in units of D.
    """

    def __init__(self, embed_dims: int, ratio: float) -> None:
        super().__init__()
        hidden = int(round(embed_dims * ratio))
        self.expand = nn.Linear(embed_dims, hidden)
        self.reduce = nn.Linear(hidden, embed_dims)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(...,D)`` to ``(...,D)``."""
        return self.reduce(F.gelu(self.expand(x)))
