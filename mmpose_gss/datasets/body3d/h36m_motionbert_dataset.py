"""Human3.6M as MotionBERT publishes it: one pickle with 2D detections, 2.5D targets and factors.

Shapes: N frames, J = 17 joints in Human3.6M's order.
"""
from __future__ import annotations

from typing import Optional, Sequence, Union

import numpy as np

from mmpose_gss.datasets.body3d.frame_table import FrameTable
from mmpose_gss.datasets.body3d.lifting_clip_dataset import LiftingClipDataset
from mmpose_gss.datasets.body3d.safe_pickle import load_pickle
from mmpose_gss.errors import UserError
from mmpose_gss.registry import DATASETS

#: Image width and height of Human3.6M's four cameras.
CAMERA_SIZES = {'54138969': (1000, 1002), '60457274': (1000, 1002),
                '55011271': (1000, 1000), '58860488': (1000, 1000)}


@DATASETS.register_module()
class H36MMotionBERTDataset(LiftingClipDataset):
    """Clips from ``h36m_sh_conf_cam_source_final.pkl``.

    The pickle has ``train`` and ``test``, each with ``joint_2d`` ``(N, 17, 2)``, ``confidence``
    ``(N, 17)`` or ``(N, 17, 1)`` (optional), ``joint3d_image`` ``(N, 17, 3)``, ``camera_name`` and
    ``source`` of N; ``test`` also ``action``, ``2.5d_factor`` ``(N,)`` and ``joints_2.5d_image`` in mm
    ``(N, 17, 3)``.

    Args:
        subset (str): ``'train'`` or ``'test'``. Defaults to ``'train'``.

    The other arguments are those of :class:`LiftingClipDataset`.
    """

    def __init__(self,
                 ann_file: str,
                 subset: str = 'train',
                 num_frames: int = 243,
                 stride: Optional[int] = None,
                 keep_tail: bool = False,
                 keypoint_2d: str = 'detection',
                 random_stretch: bool = False,
                 metainfo: Optional[dict] = None,
                 data_root: str = '',
                 pipeline: Sequence[dict] = (),
                 test_mode: bool = False,
                 lazy_init: bool = False,
                 indices: Optional[Union[int, Sequence[int]]] = None) -> None:
        if subset not in ('train', 'test'):
            raise UserError(f"subset must be 'train' or 'test', got {subset!r}")
        self.subset = subset
        super().__init__(
            ann_file, num_frames=num_frames, stride=stride, keep_tail=keep_tail, keypoint_2d=keypoint_2d,
            random_stretch=random_stretch, metainfo=metainfo, data_root=data_root, pipeline=pipeline,
            test_mode=test_mode, lazy_init=lazy_init, indices=indices)

    def read_frames(self) -> FrameTable:
        """Read one subset of the pickle."""
        data = load_pickle(self.ann_file)
        if not isinstance(data, dict) or not isinstance(data.get(self.subset), dict):
            raise UserError(
                f"{self.ann_file} has no entry '{self.subset}'; it is not MotionBERT's Human3.6M pickle")
        data = data[self.subset]
        needed = ['joint_2d', 'joint3d_image', 'camera_name', 'source']
        needed += ['action', '2.5d_factor', 'joints_2.5d_image'] if self.subset == 'test' else []
        missing = [name for name in needed if name not in data]
        if missing:
            raise UserError(f"{self.ann_file}: entry '{self.subset}' lacks {', '.join(missing)}")
        source = np.asarray(data['source']).astype(str)
        joints = np.asarray(data['joint_2d'], dtype=np.float32)[..., :2]
        target = np.asarray(data['joint3d_image'], dtype=np.float32)[..., :3]
        scores = np.ones(joints.shape[:2], dtype=np.float32)
        if 'confidence' in data:
            scores = np.asarray(data['confidence'], dtype=np.float32)
            scores = scores[..., 0] if scores.ndim == 3 else scores
        test = self.subset == 'test'
        return FrameTable(
            keypoints=joints, scores=scores, target=target,
            truth=np.asarray(data['joints_2.5d_image'], dtype=np.float32) if test else target,
            valid=np.ones(len(source), dtype=bool), size=self._sizes(data['camera_name']),
            factor=(np.asarray(data['2.5d_factor'], dtype=np.float32).reshape(-1) if test
                    else np.ones(len(source), dtype=np.float32)),
            source=source, sequence=np.array([name.rsplit('_ca_', 1)[0] for name in source]),
            action=np.asarray(data['action']).astype(str) if test else source, image=np.full(len(source), ''))

    def _sizes(self, cameras: Sequence[str]) -> np.ndarray:
        names, inverse = np.unique(np.asarray(cameras).astype(str), return_inverse=True)
        for i, name in enumerate(names):
            if name not in CAMERA_SIZES:
                raise UserError(
                    f"{self.ann_file}: camera_name of frame {int(np.argmax(inverse == i))} is '{name}'; "
                    f"Human3.6M's cameras are {', '.join(CAMERA_SIZES)}")
        return np.array([CAMERA_SIZES[name] for name in names], dtype=np.float32)[inverse]
