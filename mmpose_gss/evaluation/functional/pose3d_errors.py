"""Errors of 3D poses, over many frames at once.

Shapes: N frames, J joints. Positions and errors are in the unit of the input.
"""
import numpy as np


def joint_errors(pred, truth):
    """Distances of joints ``(N,J)`` between poses ``(N,J,3)``."""
    _same(pred, truth)
    return np.linalg.norm(pred - truth, axis=-1)


def procrustes(pred, truth):
    """Moves, turns (without mirroring) and scales each pose onto its truth, by least squares.

    Args:
        pred (ndarray): ``(N,J,3)``.
        truth (ndarray): ``(N,J,3)``.

    Returns:
        ndarray: ``(N,J,3)``, the aligned poses. A pose whose joints coincide becomes the truth's centre.
    """
    _same(pred, truth)
    pred, truth = np.asarray(pred, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    centre = truth.mean(axis=1, keepdims=True)
    x, y = pred - pred.mean(axis=1, keepdims=True), truth - centre
    u, s, vt = np.linalg.svd(np.swapaxes(x, 1, 2) @ y)
    sign = np.ones_like(s)
    sign[:, -1] = np.where(np.linalg.det(u) * np.linalg.det(vt) < 0, -1.0, 1.0)
    power = np.square(x).sum(axis=(1, 2))
    scale = np.divide((s * sign).sum(axis=1), power, out=np.zeros_like(power), where=power > 0)
    return scale[:, None, None] * (x @ (u * sign[:, None]) @ vt) + centre


def velocity_errors(pred, truth):
    """Distances ``(N-1,J)`` between the frame differences of two motions ``(N,J,3)``."""
    _same(pred, truth)
    return np.linalg.norm(np.diff(pred, axis=0) - np.diff(truth, axis=0), axis=-1)


def pck(errors, threshold):
    """Share of errors ``(N,J)`` below a threshold, per frame ``(N,)``, in percent."""
    return 100.0 * (np.asarray(errors) < threshold).mean(axis=-1)


def auc(errors, thresholds):
    """Mean of :func:`pck` over thresholds, per frame ``(N,)``, in percent."""
    return np.mean([pck(errors, threshold) for threshold in thresholds], axis=0)


def _same(pred, truth):
    if np.shape(pred) != np.shape(truth) or np.ndim(pred) != 3 or np.shape(pred)[-1] != 3:
        raise ValueError(f'both poses must be (N,J,3), got {np.shape(pred)} and {np.shape(truth)}')
