"""Human3.6M in MMPose's files to a pickle in MotionBERT's layout.

The pickle has ``train`` and ``test``, each with ``joint_2d`` ``(N, 17, 2)``, ``confidence`` ``(N, 17, 1)``,
``joint3d_image`` ``(N, 17, 3)``, ``camera_name``, ``source``, ``action``, ``2.5d_factor`` ``(N,)`` and
``joints_2.5d_image`` ``(N, 17, 3)`` in mm. ``source`` is MMPose's name of the sequence with ``_ca_`` and the
camera; the sequences that the protocol skips are named as in MMPose.

Shapes: N frames.
"""
from __future__ import annotations

import pickle
from pathlib import Path
from typing import Dict, Optional, Union

from mmpose_gss.datasets.body3d.frame_table import FrameTable
from mmpose_gss.datasets.body3d.h36m_clip_dataset import H36MClipDataset
from mmpose_gss.structures.whole_file import whole_file

AnyPath = Union[str, Path]


def frames_to_motionbert(table: FrameTable) -> dict:
    """Turn frames of Human3.6M into an entry of MotionBERT's pickle.

    Args:
        table (FrameTable): Of ``H36MClipDataset``.

    Returns:
        dict: See the module's docstring.
    """
    cameras = [source.rsplit('.', 1)[1] for source in table.source]
    return {
        'joint_2d': table.keypoints, 'confidence': table.scores[..., None], 'joint3d_image': table.target,
        'camera_name': cameras, 'action': [str(action) for action in table.action],
        'source': [f'{sequence}_ca_{camera}' for sequence, camera in zip(table.sequence, cameras)],
        '2.5d_factor': table.factor, 'joints_2.5d_image': table.truth,
    }


def convert_h36m(train: AnyPath, test: AnyPath, cameras: AnyPath, out: AnyPath,
                 train_2d: Optional[AnyPath] = None, test_2d: Optional[AnyPath] = None) -> Dict[str, int]:
    """Convert both splits.

    Args:
        train (str | Path): MMPose's ``h36m_train.npz``.
        test (str | Path): ``h36m_test.npz``.
        cameras (str | Path): ``cameras.pkl``.
        out (str | Path): The pickle to write.
        train_2d (str | Path, optional): Detections of the training frames, ``.npy`` ``(N, 17, 3)``. Defaults
            to the annotated 2D joints.
        test_2d (str | Path, optional): Detections of the test frames, likewise.

    Returns:
        dict[str, int]: Frames by split.

    Raises:
        FileNotFoundError: If a file is missing.
        UserError: If a file is of another form.
    """
    content = {}
    for name, poses, detections in (('train', train, train_2d), ('test', test, test_2d)):
        dataset = H36MClipDataset(
            str(Path(poses).resolve()), str(Path(cameras).resolve()),
            keypoint_2d_det_file=str(Path(detections).resolve()) if detections else None, num_frames=1)
        content[name] = frames_to_motionbert(dataset.table)
    with whole_file(out, binary=True) as file:
        pickle.dump(content, file, protocol=4)
    return {name: len(entry['source']) for name, entry in content.items()}
