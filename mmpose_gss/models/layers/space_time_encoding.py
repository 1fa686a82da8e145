"""Where and when a token is: fixed sine-cosine in space, learnt in time.

Shapes: T frames, h, w size of the map, L = h·w tokens of a frame, D channels.
"""
from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from mmpose_gss.errors import UserError
from mmpose_gss.models.layers.weight_decay import without_weight_decay


def sincos_axis(length: int, channels: int, device: torch.device, temperature: float = 10000.) -> Tensor:
    """Sine-cosine encoding of the positions ``0..length-1`` (Vaswani et al. 2017, section 3.5).

    Args:
        length (int): Number of positions.
        channels (int): Channels, even: the first half sines, the second cosines.
        device (torch.device): Where to build it.
        temperature (float): Ratio of the longest and the shortest wavelength.

    Returns:
        Tensor: float32 ``(length, channels)``.
    """
    half = channels // 2
    rate = torch.exp(torch.arange(half, device=device, dtype=torch.float32) * (-math.log(temperature) / half))
    angle = torch.arange(length, device=device, dtype=torch.float32)[:, None] * rate
    return torch.cat((angle.sin(), angle.cos()), dim=-1)


def sincos_grid(height: int, width: int, channels: int, device: torch.device) -> Tensor:
    """Sine-cosine encoding of a grid: half of the channels for the row, half for the column.

    Args:
        height (int): Rows h.
        width (int): Columns w.
        channels (int): Channels D, a multiple of 4.
        device (torch.device): Where to build it.

    Returns:
        Tensor: float32 ``(L,D)``, row after row.
    """
    half = channels // 2
    rows = sincos_axis(height, half, device)[:, None].expand(height, width, half)
    columns = sincos_axis(width, half, device)[None].expand(height, width, half)
    return torch.cat((rows, columns), dim=-1).reshape(height * width, channels)


class SpaceTimeEncoding(nn.Module):
    """Sum of the encodings of place and frame; either can be off (SDTC, table 7).

    The spatial part is computed for the size of the map at hand, so that one set of weights serves every
    input size.

    Args:
        embed_dims (int): D, a multiple of 4.
        num_frames (int): T.
        spatial (bool): Whether to encode the place. Defaults to True.
        temporal (bool): Whether to add a learnt vector per frame. Defaults to True.

    Raises:
        UserError: If ``embed_dims`` is not a multiple of 4.
    """

    def __init__(self, embed_dims: int, num_frames: int, spatial: bool = True, temporal: bool = True) -> None:
        super().__init__()
        if embed_dims % 4:
            raise UserError(f'embed_dims must be a multiple of 4 (sine and cosine of row and column), '
                            f'got {embed_dims}')
        self.embed_dims, self.spatial = embed_dims, spatial
        self.temporal = None
        if temporal:
            self.temporal = without_weight_decay(nn.Parameter(torch.empty(num_frames, 1, embed_dims)))
            nn.init.trunc_normal_(self.temporal, std=0.02)

    def forward(self, height: int, width: int, like: Tensor) -> Tensor:
        """Encode a window of maps.

        Args:
            height (int): Rows h of the map.
            width (int): Columns w of the map.
            like (Tensor): Gives device and dtype.

        Returns:
            Tensor: Something to add to tokens ``(B,T,L,D)``: ``(T,L,D)``, or fewer entries where a part is
            off (``(1,1,D)`` of zeros where both are).
        """
        encoding = torch.zeros(1, 1, self.embed_dims, device=like.device)
        if self.spatial:
            encoding = encoding + sincos_grid(height, width, self.embed_dims, like.device)[None]
        if self.temporal is not None:
            encoding = encoding + self.temporal
        return encoding.to(like.dtype)
