"""Draw scan orders: the path through the tokens of a grid. Needs Matplotlib.

Shapes: T frames, H rows, W columns, L = T·H·W tokens.
"""
from __future__ import annotations

from pathlib import Path
from typing import List, Sequence, Tuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mmpose_gss.ops import ScanOrder, get_scan_order

GAP = 1  # columns between two frames of a picture


def place_tokens(order: ScanOrder) -> np.ndarray:
    """Place the tokens of an order in the picture, in the order of visit: ``(L,2)``, x and y."""
    frames, height, width = order.grid
    t, h, w = np.unravel_index(order.index.numpy(), (frames, height, width))
    return np.stack((t * (width + GAP) + w, h), axis=1).astype(float)


def sequences(order: ScanOrder) -> List[np.ndarray]:
    """Return the places of each sequence, ``(tokens,2)``."""
    return np.split(place_tokens(order), order.starts.numpy()[1:])


def draw_order(axes: Axes, order: ScanOrder) -> None:
    """Draw one order into axes."""
    frames, height, width = order.grid
    for t in range(frames):
        left = t * (width + GAP) - 0.5
        axes.add_patch(Rectangle((left, -0.5), width, height, facecolor='0.94', edgecolor='0.6', lw=0.8))
    for places in sequences(order):
        steps = np.stack((places[:-1], places[1:]), axis=1)
        lines = LineCollection(steps, cmap='viridis', linewidths=1.1)
        lines.set_array(np.linspace(0, 1, max(len(steps), 1))[:len(steps)])
        axes.add_collection(lines)
        axes.plot(*places[0], 'o', color='tab:red', ms=3)
    axes.set(xlim=(-1, frames * (width + GAP) - 0.5),
             ylim=(height - 0.3, -0.7),
             aspect='equal',
             title=order.name)
    axes.set_axis_off()


def draw_orders(names: Sequence[str], grid: Tuple[int, int, int], out: Path) -> None:
    """Draw orders below each other, two in a row.

    Args:
        names (Sequence[str]): Names known to :func:`mmpose_gss.ops.get_scan_order`.
        grid (tuple[int, int, int]): T, H, W.
        out (Path): Picture to write.
    """
    orders = [get_scan_order(name, *grid) for name in names]
    rows = (len(orders) + 1) // 2
    height = 12 * rows * (grid[1] + 2) / (2 * grid[0] * (grid[2] + 1))
    figure = Figure(figsize=(12, height), layout='constrained')
    axes = figure.subplots(rows, 2, squeeze=False)
    for cell in axes.flat[len(orders):]:
        cell.set_axis_off()
    for cell, order in zip(axes.flat, orders):
        draw_order(cell, order)
    figure.savefig(out, dpi=80)


