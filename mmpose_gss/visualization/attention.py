"""Draw what a model looks at in a clip. Needs Matplotlib.

Shapes: T frames, H, W size of a crop, (h, w) of a map.
"""
from __future__ import annotations

from pathlib import Path
from typing import Dict

import numpy as np
from matplotlib.figure import Figure


def draw_attention(crops: np.ndarray, seen: Dict[str, np.ndarray], out: Path) -> None:
    """Draw every frame under its attention, the key frame under its heatmaps, and the channel attention.

    Args:
        crops (ndarray): ``(T,H,W,3)`` uint8, BGR; the middle one is the key frame.
        seen (dict[str, ndarray]): ``heatmap (h,w)`` maximum over joints; ``attention (T,h,w)``, 1 at most;
            ``channels (blocks,T)``.
        out (Path): Picture to write.
    """
    count, (height, width) = len(crops), crops.shape[1:3]
    figure = Figure(figsize=(2.2 * count, 5.6), layout='constrained')
    axes = figure.subplots(2, count, squeeze=False)
    extent = (0, width, height, 0)
    for t in range(count):
        axes[0, t].imshow(crops[t, ..., ::-1], extent=extent)
        axes[0, t].imshow(seen['attention'][t], extent=extent, cmap='inferno', alpha=0.55, vmin=0, vmax=1)
        share = seen['attention'][t].sum() / max(seen['attention'].sum(), 1e-12)
        axes[0, t].set_title(f'frame {t - count // 2:+d}: {share:.0%}', fontsize=9)
        axes[1, t].set_axis_off()
        axes[0, t].set_axis_off()
    axes[1, 0].imshow(crops[count // 2, ..., ::-1], extent=extent)
    axes[1, 0].imshow(seen['heatmap'], extent=extent, cmap='inferno', alpha=0.6)
    axes[1, 0].set_title('heatmaps', fontsize=9)
    if count > 1 and len(seen['channels']):
        axes[1, 1].set_axis_on()
        for i, weights in enumerate(seen['channels']):
            axes[1, 1].plot(np.arange(count) - count // 2, weights, marker='o', ms=3, label=f'block {i}')
        axes[1, 1].set_title('channel attention', fontsize=9)
        axes[1, 1].legend(fontsize=6)
    figure.savefig(out, dpi=90)


