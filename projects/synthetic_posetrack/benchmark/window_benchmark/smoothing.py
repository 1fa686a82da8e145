"""Poses of single frames, smoothed over a window: the cheapest use of time.

Shapes: N windows, T frames, K joints.
"""
from __future__ import annotations

import numpy as np
from scipy.signal import savgol_coeffs


def weights_of(frames: int, kind: str, sigma: float = 1., order: int = 2) -> np.ndarray:
    """Weight of each frame in the smoothed pose of the middle one.

    Args:
        frames (int): T, odd.
        kind (str): ``'gaussian'`` or ``'savgol'``.
        sigma (float): Of the Gaussian, frames.
        order (int): Of Savitzky and Golay's polynomial.

    Returns:
        np.ndarray: ``(T,)``, sums to 1.

    Raises:
        ValueError: For another kind.
    """
    if kind == 'gaussian':
        weight = np.exp(-0.5 * ((np.arange(frames) - frames // 2) / sigma)**2)
        return weight / weight.sum()
    if kind == 'savgol':
        return savgol_coeffs(frames, order)[::-1]
    raise ValueError(f'smoothing must be "gaussian" or "savgol", got {kind!r}')


def smooth(points: np.ndarray, scores: np.ndarray, weight: np.ndarray, trust: bool) -> np.ndarray:
    """Poses of the middle frames.

    Args:
        points (np.ndarray): ``(N,T,K,2)``.
        scores (np.ndarray): ``(N,T,K)``, positive.
        weight (np.ndarray): ``(T,)``.
        trust (bool): Whether frames also count by their score.

    Returns:
        np.ndarray: ``(N,K,2)``.
    """
    share = np.broadcast_to(weight[:, None], scores.shape)
    if trust:
        share = share * np.maximum(scores, 1e-6)
    share = share / share.sum(1, keepdims=True)
    return (points * share[..., None]).sum(1)
