"""Overlapping windows over time, for sequences longer than a model was trained for.

Shapes: B clips, T frames.
"""
from __future__ import annotations

from typing import Callable, List, Sequence

import torch
from torch import Tensor

from mmpose_gss.errors import UserError


def window_starts(length: int, window: int, overlap: int) -> List[int]:
    """List the first frames of the windows that cover a sequence.

    Neighbours overlap by at least ``overlap`` frames; the last window ends with the sequence, so all windows
    are full.

    Args:
        length (int): Frames of the sequence.
        window (int): Frames of a window.
        overlap (int): Frames that neighbours share at least; ``0 <= overlap < window``.

    Returns:
        list[int]: Start frames; ``[0]`` if the sequence fits one window.

    Raises:
        UserError: If the overlap is not in ``[0, window)``.
    """
    if not 0 <= overlap < window:
        raise UserError(f'overlap must be at least 0 and below the window of {window} frames, got {overlap}')
    if length <= window:
        return [0]
    starts = list(range(0, length - window, window - overlap))
    return starts + [length - window]


def blend_weights(starts: Sequence[int], window: int, length: int) -> Tensor:
    """Compute a linear cross-fade between neighbouring windows; weights sum to one in every frame.

    Args:
        starts (list[int]): Of :func:`window_starts`.
        window (int): Frames of a window.
        length (int): Frames of the sequence.

    Returns:
        Tensor: ``(len(starts), window)`` float32.
    """
    if len(starts) == 1:
        return torch.ones(1, min(window, length))
    frame = torch.arange(window, dtype=torch.float32)
    weights = torch.ones(len(starts), window)
    for i in range(len(starts) - 1):
        shared = starts[i] + window - starts[i + 1]
        if shared > 0:
            fade = (torch.arange(shared, dtype=torch.float32) + 0.5) / shared
            weights[i][frame >= window - shared] *= 1 - fade
            weights[i + 1][frame < shared] *= fade
    total = torch.zeros(length)
    for start, weight in zip(starts, weights):
        total[start:start + window] += weight
    return torch.stack([w / total[s:s + window] for s, w in zip(starts, weights)])


def run_in_windows(function: Callable[[Tensor], Tensor], x: Tensor, window: int, overlap: int) -> Tensor:
    """Apply a function of clips to a longer sequence, window by window, and cross-fade the results.

    Memory stays that of one window (beside the result); time is linear in T.

    Args:
        function (Callable): Maps ``(B,t,…)`` with ``t <= window`` to ``(B,t,…)``.
        x (Tensor): ``(B,T,…)``.
        window (int): Frames of a window.
        overlap (int): Frames that neighbours share at least.

    Returns:
        Tensor: ``(B,T,…)``.
    """
    length = x.shape[1]
    if length <= window:
        return function(x)
    starts = window_starts(length, window, overlap)
    weights = blend_weights(starts, window, length)
    result = None
    for start, weight in zip(starts, weights):
        part = function(x[:, start:start + window])
        if result is None:
            result = part.new_zeros((part.shape[0], length, *part.shape[2:]))
        shape = (1, -1) + (1,) * (part.dim() - 2)
        result[:, start:start + window] += part * weight.to(part).view(shape)
    return result
