"""The encoder's own features past a neck, for a neck that corrects them.

Shapes: B persons, T frames, C channels of the encoder, h, w map.

```
features (B,T,C,h,w) ─┬─ 'key':    the key frame's
                      └─ 'window': the key frame's + 1×1 over all frames, zero at first ─► (B,C,h,w)
```
"""
from __future__ import annotations

from torch import Tensor, nn

#: What a neck may add of the encoder's features to its own result.
SKIPS = ('window', 'key', 'none')


def zero_conv(in_channels: int, out_channels: int) -> nn.Conv2d:
    """A 1×1 convolution that starts at zero: what it is added to is all there is at first."""
    conv = nn.Conv2d(in_channels, out_channels, 1)
    nn.init.zeros_(conv.weight)
    nn.init.zeros_(conv.bias)
    return conv


class FeatureSkip(nn.Module):
    """The encoder's own features of the key frame, for ``'window'`` with a linear correction by all frames.

    Args:
        in_channels (int): C.
        num_frames (int): T.
        skip (str): ``'window'`` or ``'key'``.
    """

    def __init__(self, in_channels: int, num_frames: int, skip: str) -> None:
        super().__init__()
        self.gather = zero_conv(num_frames * in_channels, in_channels) if skip == 'window' else None

    def forward(self, feats: Tensor, key_index: int) -> Tensor:
        """Gather ``(B,T,C,h,w)``; return ``(B,C,h,w)``."""
        key_frame = feats[:, key_index]
        return key_frame if self.gather is None else key_frame + self.gather(feats.flatten(1, 2))
