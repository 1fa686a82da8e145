"""Sequential channel attention (SCA) of GLSMamba's global block.

Shapes: B persons, T frames, H, W map, D channels.
"""
from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class SequentialChannelAttention(nn.Module):
    """One weight per frame and channel, decided from all frames together.

    The frames' features are averaged over space, concatenated to T·D numbers and passed through an MLP
    ``T·D → ratio·T·D → T·D`` and a sigmoid. Unlike squeeze-and-excitation a frame's weights thus depend on
    the other frames, so a blurred frame can be turned down in favour of a sharp one.

    The paper names the operations, not the widths. ``ratio = 0.45`` is what its table leaves for this
    module: 9.1 M parameters of which 3.1 M are applied to every token (README of the algorithm).

    Args:
        embed_dims (int): D.
        num_frames (int): T.
        ratio (float): Width of the hidden layer in units of T·D.
    """

    def __init__(self, embed_dims: int, num_frames: int, ratio: float = 0.45) -> None:
        super().__init__()
        width = embed_dims * num_frames
        hidden = max(1, int(round(width * ratio)))
        self.squeeze = nn.Linear(width, hidden)
        self.excite = nn.Linear(hidden, width)

    def weights(self, x: Tensor) -> Tensor:
        """Return the weights in (0, 1), ``(B,T,D)``, for tokens ``(B,T,H,W,D)``."""
        b, t, _, _, d = x.shape
        pooled = x.mean(dim=(2, 3)).reshape(b, t * d)
        return self.excite(F.gelu(self.squeeze(pooled))).sigmoid().view(b, t, d)

    def forward(self, x: Tensor) -> Tensor:
        """Weigh ``(B,T,H,W,D)`` by frame and channel."""
        return x * self.weights(x)[:, :, None, None]
