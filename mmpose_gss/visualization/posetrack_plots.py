"""Plot PoseTrack figures: precision over recall, and the videos beside each other. Needs Matplotlib."""
from __future__ import annotations

import os
from typing import TYPE_CHECKING, Dict, List

import numpy as np

from mmpose_gss.evaluation.posetrack import JOINT_GROUPS, PoseTrackFrames, posetrack_ap
from mmpose_gss.structures.skeletons import POSETRACK17_JOINTS

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_posetrack(frames: PoseTrackFrames, per_video: Dict[str, dict], folder: str) -> List[str]:
    """Write ``precision_recall.png`` and ``per_video.png``.

    Args:
        frames: evaluated frames of all videos.
        per_video: figures of each video (``per_video_figures``).
        folder: where to; made if missing.

    Returns:
        list[str]: paths of the files.

    Raises:
        ImportError: Matplotlib is missing.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise ImportError('Plots need Matplotlib: pip install matplotlib.') from error
    os.makedirs(folder, exist_ok=True)
    paths = [os.path.join(folder, name) for name in ('precision_recall.png', 'per_video.png')]
    _precision_recall(frames).savefig(paths[0], dpi=120)
    _per_video(per_video).savefig(paths[1], dpi=120)
    return paths


def _precision_recall(frames: PoseTrackFrames) -> Figure:
    from matplotlib.figure import Figure
    ap = posetrack_ap(frames)
    figure = Figure(figsize=(12, 6), layout='constrained')
    axes = figure.subplots(2, 4, sharex=True, sharey=True).ravel()
    for axis, (group, joints) in zip(axes, JOINT_GROUPS.items()):
        for joint in joints:
            shown = np.isfinite(ap.curve_recall[joint])
            axis.plot(ap.curve_recall[joint][shown], ap.curve_precision[joint][shown],
                      label=f'{POSETRACK17_JOINTS[joint]}  {ap.ap[joint]:.1f}')
        axis.set_title(group)
        axis.legend(loc='lower left', fontsize='small')
        axis.grid(alpha=0.3)
        axis.set_xlim(0, 1.02)
        axis.set_ylim(0, 1.02)
    axes[-1].axis('off')
    figure.supxlabel('recall')
    figure.supylabel('precision')
    return figure


def _per_video(per_video: Dict[str, dict]) -> Figure:
    from matplotlib.figure import Figure
    names = list(per_video)
    rows = np.arange(len(names))
    figure = Figure(figsize=(9, max(2.5, 0.4 * len(names) + 1)), layout='constrained')
    axis = figure.subplots()
    for shift, key in ((-0.2, 'AP'), (0.2, 'MOTA')):
        means = [(figures.get(key) or {'mean': np.nan})['mean'] for figures in per_video.values()]
        axis.barh(rows + shift, means, height=0.38, label=f'{key}, mean of the joints')
    axis.set_yticks(rows, names)
    axis.invert_yaxis()
    axis.axvline(0, color='black', linewidth=0.8)
    axis.set_xlabel('percent')
    axis.legend(loc='best')
    axis.grid(axis='x', alpha=0.3)
    return figure
