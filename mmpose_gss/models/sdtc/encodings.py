"""Where and when a token is: fixed sine-cosine in space, learnt in time (SDTC, Sec. 3.1).

Shapes: T frames, L = h·w tokens of a frame, D channels.
"""
from __future__ import annotations

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmpose_gss.models.layers.position_embedding import sincos_axis


def sine_cosine_2d(height: int, width: int, dims: int, like: Tensor) -> Tensor:
    """Sine-cosine encoding of a grid: half of the channels for the row, half for the column.

    Args:
        height (int): Rows of the grid.
        width (int): Columns of the grid.
        dims (int): Channels D, a multiple of 4.
        like (Tensor): Gives device and dtype.

    Returns:
        Tensor: ``(L,D)``, row after row (Vaswani et al. 2017, Sec. 3.5, for each axis).
    """
    half = dims // 2
    of_row = sincos_axis(height, half, like.device)[:, None].expand(height, width, half)
    of_column = sincos_axis(width, half, like.device)[None].expand(height, width, half)
    return torch.cat([of_row, of_column], dim=2).reshape(height * width, dims).to(like.dtype)


class SpaceTimeEncoding(BaseModule):
    """Sum of the spatial and the temporal encoding; either can be off (table 7).

    Args:
        dims (int): Channels D, a multiple of 4.
        num_frames (int): Frames T of the window.
        spatial (bool): Add the fixed sine-cosine encoding of the place. Defaults to True.
        temporal (bool): Add a learnt vector per frame. Defaults to True.

    Raises:
        ValueError: If ``dims`` is not a multiple of 4.
    """

    def __init__(self, dims: int, num_frames: int, spatial: bool = True, temporal: bool = True) -> None:
        super().__init__()
        if dims % 4:
            raise ValueError(f'embed_dims must be a multiple of 4 for the sine-cosine encoding, got {dims}')
        self.dims = dims
        self.spatial = spatial
        self.temporal = nn.Parameter(torch.empty(num_frames, 1, dims)) if temporal else None
        if temporal:
            nn.init.trunc_normal_(self.temporal, std=0.02)

    def forward(self, height: int, width: int, like: Tensor) -> Tensor:
        """Encoding of a window of maps.

        Args:
            height (int): Rows h of the map.
            width (int): Columns w of the map.
            like (Tensor): Gives device and dtype.

        Returns:
            Tensor: Something to add to tokens ``(B,T,L,D)``: ``(T,L,D)``, or fewer entries where a part is
            off (``(1,1,D)`` of zeros where both are).
        """
        encoding = like.new_zeros(1, 1, self.dims)
        if self.spatial:
            encoding = encoding + sine_cosine_2d(height, width, self.dims, like)[None]
        if self.temporal is not None:
            encoding = encoding + self.temporal.to(like.dtype)
        return encoding
