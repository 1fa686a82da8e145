"""The frame that GLSMamba's global and local blocks share.

Shapes: B persons, T frames, H, W map, D channels.

```
x ─► LayerNorm ─┬─► main stream (scans) ──► × ─► linear ─► + ─► LayerNorm ─► FFN ─► + ─►
 │              └─► gate stream ────────────┘              │ │                      │
 └─────────────────────────────────────────────────────────┘ └──────────────────────┘
```
"""
from __future__ import annotations

from mmcv.cnn.bricks import DropPath
from torch import Tensor, nn

from mmpose_gss.models.glsmamba.gate import GateStream
from mmpose_gss.models.layers.mlp import FFN


class TwoStreamBlock(nn.Module):
    """Main stream times gate stream, then FFN; pre-norm and residual.

    The linear map behind the product is Mamba's output projection: without it nothing but the FFN would mix
    channels, and the paper's count of operations would not be reached.

    Args:
        main (nn.Module): The main stream, ``(B,T,H,W,D)`` to ``(B,T,H,W,D)``.
        embed_dims (int): D.
        ffn_ratio (float): Hidden width of the FFN in units of D.
        drop_path (float): Probability of dropping a residual branch of a sample in training.
    """

    def __init__(self, main: nn.Module, embed_dims: int, ffn_ratio: float, drop_path: float = 0.) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(embed_dims)
        self.main = main
        self.gate = GateStream(embed_dims)
        self.out_proj = nn.Linear(embed_dims, embed_dims, bias=False)
        self.norm2 = nn.LayerNorm(embed_dims)
        self.ffn = FFN(embed_dims, ffn_ratio)
        self.drop_path = DropPath(drop_path) if drop_path > 0 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens ``(B,T,H,W,D)`` to ``(B,T,H,W,D)``."""
        y = self.norm1(x)
        x = x + self.drop_path(self.out_proj(self.main(y) * self.gate(y)))
        return x + self.drop_path(self.ffn(self.norm2(x)))
