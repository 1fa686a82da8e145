"""Which points lie strictly inside a polygon: even-odd rule, the border counts as outside.

The same answer as ``shapely.Polygon(...).contains(point)``, which the public PoseTrack evaluator asks, also
for concave and self-intersecting polygons, without shapely. Points that are within rounding error of an
edge are decided with exact fractions.

Shapes: P points, V vertices.
"""
from __future__ import annotations

from fractions import Fraction

import numpy as np

# Shewchuk's bound for the rounding error of the 2x2 orientation determinant, (3 + 16 eps) eps.
_ORIENT_ERROR = (3 + 16 * 2.0**-53) * 2.0**-53


def points_in_polygon(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Mark the points strictly inside a polygon.

    Args:
        points: pixels, ``(P, 2)`` float64.
        polygon: pixels, closed automatically, ``(V, 2)`` float64. Fewer than three vertices hold nothing.

    Returns:
        ndarray: ``(P,)`` bool.
    """
    inside = np.zeros(len(points), dtype=bool)
    if len(polygon) < 3 or len(points) == 0:
        return inside
    low, high = polygon.min(axis=0), polygon.max(axis=0)
    near = np.flatnonzero(((points > low) & (points < high)).all(axis=1))
    if near.size == 0:
        return inside

    p = points[near]                                           # (P, 2)
    a, b = polygon, np.roll(polygon, -1, axis=0)               # (V, 2) edges a -> b
    side = _orientation(a, b, p)                               # (P, V) -1 right, 0 on the line, 1 left
    y = p[:, 1, None]
    up = (a[:, 1] <= y) & (b[:, 1] > y)
    down = (b[:, 1] <= y) & (a[:, 1] > y)
    # A ray towards +x crosses an edge that has the point on its left (going up) or right (going down).
    crossings = ((up & (side > 0)) | (down & (side < 0))).sum(axis=1)
    between = ((p[:, None] >= np.minimum(a, b)) & (p[:, None] <= np.maximum(a, b))).all(axis=2)
    on_border = (between & (side == 0)).any(axis=1)
    inside[near] = (crossings % 2 == 1) & ~on_border
    return inside


def _orientation(a: np.ndarray, b: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Give the sign of (b - a) x (p - a) for every point and edge, exact: ``(P, V)`` int8."""
    left = (b[:, 0] - a[:, 0]) * (p[:, 1, None] - a[:, 1])
    right = (b[:, 1] - a[:, 1]) * (p[:, 0, None] - a[:, 0])
    det = left - right
    sign = np.sign(det).astype(np.int8)
    doubtful = np.abs(det) <= _ORIENT_ERROR * (np.abs(left) + np.abs(right))
    for i, j in zip(*np.nonzero(doubtful)):
        ax, ay, bx, by, px, py = (Fraction(float(v)) for v in (*a[j], *b[j], *p[i]))
        exact = (bx - ax) * (py - ay) - (by - ay) * (px - ax)
        sign[i, j] = (exact > 0) - (exact < 0)
    return sign
