"""Which tokens of a window reach the head.

Shapes: B persons, T frames, D channels of the tokens, E of the result, h, w map.

```
tokens (B,T,h,w,D) ─┬─ 'key':    the key frame's
                    └─ 'window': all frames beside each other ─► 1×1 ─► (B,E,h,w)
```
"""
from __future__ import annotations

from torch import Tensor, nn

from mmpose_gss.models.layers.feature_skip import zero_conv

READOUTS = ('window', 'key')


class TokenReadout(nn.Module):
    """Make one map of the tokens.

    Args:
        embed_dims (int): D.
        num_frames (int): T.
        out_channels (int): E.
        readout (str): ``'window'`` or ``'key'``.
        correction (bool): Whether the result is a correction of something else and starts at zero. Without
            it ``'key'`` has no weights, and E must be D.
    """

    def __init__(self, embed_dims: int, num_frames: int, out_channels: int, readout: str,
                 correction: bool) -> None:
        super().__init__()
        self.readout = readout
        gathered = embed_dims * (num_frames if readout == 'window' else 1)
        self.conv: nn.Module = nn.Identity()
        if correction:
            self.conv = zero_conv(gathered, out_channels)
        elif readout == 'window':
            self.conv = nn.Conv2d(gathered, out_channels, 1)

    def forward(self, tokens: Tensor, key_index: int) -> Tensor:
        """Read ``(B,T,h,w,D)``; return ``(B,E,h,w)``."""
        if self.readout == 'key':
            gathered = tokens[:, key_index].permute(0, 3, 1, 2)
        else:
            gathered = tokens.permute(0, 1, 4, 2, 3).flatten(1, 2)
        return self.conv(gathered)
