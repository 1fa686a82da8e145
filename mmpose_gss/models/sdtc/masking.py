"""Random tube and frame masking (SDTC, Eq. 1 and 4). In every mask here True means *masked*.

Shapes: B persons, T frames, L = h·w tokens of a frame, D channels.
"""
from __future__ import annotations

import math
from typing import NamedTuple, Optional

import torch
from torch import Tensor


class Masks(NamedTuple):
    """The masks of one training step.

    Attributes:
        tube (Tensor, optional): ``(B,L)`` bool, the same places in all frames; None without patch level.
        frame (Tensor, optional): ``(B,T)`` bool, whole frames; None without frame level.
    """

    tube: Optional[Tensor]
    frame: Optional[Tensor]


def masked_count(total: int, ratio: float) -> int:
    """How many of ``total`` places a ratio masks: the nearest number, halves down.

    At least one place is masked and at least one stays visible, as long as there are two
    (so ratio 0.5 masks 2 of 5 frames, and 0.75 masks 4 of 5).
    """
    count = math.ceil(total * ratio - 0.5)
    return min(max(count, 1), total - 1) if total > 1 and ratio > 0 else 0


def _random_subset(rows: int, total: int, ratio: float, device: Optional[torch.device],
                   generator: Optional[torch.Generator]) -> Tensor:
    """``(rows,total)`` bool with :func:`masked_count` random True in each row."""
    noise = torch.rand(rows, total, device=device, generator=generator)
    chosen = noise.argsort(dim=1)[:, :masked_count(total, ratio)]
    return torch.zeros(rows, total, dtype=torch.bool, device=device).scatter_(1, chosen, True)


def random_tube_mask(batch: int, height: int, width: int, ratio: float, patch: int = 1,
                     device: Optional[torch.device] = None,
                     generator: Optional[torch.Generator] = None) -> Tensor:
    """Choose places to mask along the whole time axis.

    Args:
        batch (int): Persons B; each gets its own places.
        height (int): Rows h of the token grid.
        width (int): Columns w of the token grid.
        ratio (float): Share of the patches to mask, 0 to 1.
        patch (int): Side of the square of tokens that is masked as one. Patches at the right and lower
            border may be smaller. Defaults to 1.
        device (torch.device, optional): Where to build it.
        generator (torch.Generator, optional): Source of randomness on that device.

    Returns:
        Tensor: ``(B,L)`` bool.
    """
    rows, columns = -(-height // patch), -(-width // patch)
    coarse = _random_subset(batch, rows * columns, ratio, device, generator).view(batch, rows, columns)
    fine = coarse.repeat_interleave(patch, dim=1).repeat_interleave(patch, dim=2)
    return fine[:, :height, :width].reshape(batch, height * width)


def random_frame_mask(batch: int, frames: int, ratio: float, device: Optional[torch.device] = None,
                      generator: Optional[torch.Generator] = None) -> Tensor:
    """Choose whole frames to mask; the key frame may be among them. Returns ``(B,T)`` bool."""
    return _random_subset(batch, frames, ratio, device, generator)


def replace_masked(tokens: Tensor, mask: Tensor, token: Tensor) -> Tensor:
    """Put the learnable token at masked places, Eq. 1 (tube) and 4 (frames).

    Args:
        tokens (Tensor): ``(B,T,L,D)``.
        mask (Tensor): ``(B,L)`` tube mask expanded to ``(B,1,L)``, or ``(B,T)`` expanded to ``(B,T,1)``.
        token (Tensor): What to put there, broadcastable to ``tokens``.

    Returns:
        Tensor: ``(B,T,L,D)``, exactly ``token`` at masked places and exactly ``tokens`` elsewhere.
    """
    return torch.where(mask[..., None], token.to(tokens.dtype), tokens)


def masked_region(masks: Masks, frames: int, tokens: int, region: str) -> Tensor:
    """Places where the reconstruction is judged.

    Args:
        masks (Masks): At least one of the two masks.
        frames (int): T.
        tokens (int): L.
        region (str): ``'both'`` is the product of the complementary masks as Eq. 15 writes it: places of the
            tubes inside masked frames. ``'either'`` takes every place that was masked at some level.

    Returns:
        Tensor: ``(B,T,L)`` bool. With one mask only, that mask.
    """
    tube = None if masks.tube is None else masks.tube[:, None, :].expand(-1, frames, -1)
    frame = None if masks.frame is None else masks.frame[:, :, None].expand(-1, -1, tokens)
    if tube is None or frame is None:
        return frame if tube is None else tube
    return tube & frame if region == 'both' else tube | frame
