"""Lift the people of a video, the last step of :class:`~mmpose_gss.apis.VideoPoseInferencer`."""
from __future__ import annotations

import os
from pathlib import Path
from typing import Dict, List, Optional, Union

from mmpose_gss.apis.lifting.export import write_tracks
from mmpose_gss.apis.lifting.lifter import LiftedTrack, Lifter
from mmpose_gss.apis.sources import VideoFrames
from mmpose_gss.errors import UserError
from mmpose_gss.visualization.lifting import render_video

#: Names that ``lift=`` understands, each with its default config's base name (by checkpoint if converted).
LIFTERS = {'posemamba': None}


def build_lifter(lift: Optional[str], config: Optional[str] = None, checkpoint: Optional[str] = None,
                 device: Optional[str] = None) -> Optional[Lifter]:
    """Build the lifter that ``VideoPoseInferencer(lift=…)`` asks for.

    Args:
        lift (str, optional): ``'posemamba'``, or ``None`` for no lifting.
        config (str, optional): Its config; see :class:`Lifter`.
        checkpoint (str, optional): Its checkpoint.
        device (str, optional): Torch device.

    Returns:
        Lifter | None: The lifter.

    Raises:
        UserError: If the name is unknown, or there is a config or checkpoint without a name.
    """
    if lift is None:
        if config is not None or checkpoint is not None:
            raise UserError("lift_config and lift_checkpoint need lift='posemamba'")
        return None
    if lift not in LIFTERS:
        raise UserError(f'lift must be one of {", ".join(map(repr, LIFTERS))} or None, got {lift!r}')
    return Lifter(config or LIFTERS[lift], checkpoint, device)


def lift_video(lifter: Lifter, predictions: List[List[Dict]], frames: VideoFrames, dataset_meta: Dict,
               json_path: Optional[str] = None,
               video_path: Optional[str] = None) -> Dict[str, Union[List[LiftedTrack], Dict, None]]:
    """Lift the predictions of a video, and write the files if the 2D ones were written.

    The mp4 becomes the 2D overlay with the turning 3D view beside it.

    Args:
        lifter (Lifter): The lifter.
        predictions (list[list[dict]]): Per frame the people, in 2D.
        frames (VideoFrames): Of the video; its ``size``, ``fps`` and ``name`` are read.
        dataset_meta (dict): Metainfo of the 2D poses.
        json_path (str, optional): The file with 2D poses; the files of 3D poses are put beside it.
        video_path (str, optional): The mp4 with 2D poses drawn.

    Returns:
        dict: ``tracks`` (list[LiftedTrack]) and ``files`` (of :func:`write_tracks`, or ``None``).
    """
    tracks = lifter.lift_tracks(predictions, frames.size, dataset_meta)
    files = None
    if json_path is not None:
        files = write_tracks(Path(json_path).parent, Path(json_path).stem, tracks, frames.fps)
    if video_path is not None:
        beside = Path(video_path).with_name(f'{Path(video_path).stem}_3d.tmp.mp4')
        try:
            render_video(video_path, beside, tracks, frames.fps)
            os.replace(beside, video_path)
        finally:
            beside.unlink(missing_ok=True)
    return dict(tracks=tracks, files=files)
