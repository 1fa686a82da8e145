"""MPI-INF-3DHP in MMPose's files: ``mpi_inf_3dhp_train.npz`` and ``cameras_train.pkl`` of its converter.

Shapes: N frames, J = 17 joints in MPI-INF-3DHP's order (root 14).
"""
from __future__ import annotations

import os.path as osp
from typing import Optional, Sequence, Union

import numpy as np
from mmengine.logging import MMLogger

from mmpose_gss.datasets.body3d.frame_table import FrameTable
from mmpose_gss.datasets.body3d.lifting_clip_dataset import LiftingClipDataset
from mmpose_gss.datasets.body3d.npz_frames import load_frames, order_by_video
from mmpose_gss.datasets.body3d.safe_pickle import load_pickle
from mmpose_gss.errors import UserError
from mmpose_gss.registry import DATASETS

#: Image size of the outdoor test sequences; all others are 2048 x 2048.
OUTDOOR = {'TS5': (1920, 1080), 'TS6': (1920, 1080)}


@DATASETS.register_module()
class Mpi3dhpClipDataset(LiftingClipDataset):
    """Clips from MMPose's MPI-INF-3DHP annotations.

    Targets are camera coordinates in mm with a factor of 1, as MotionAGFormer's code (which PoseMamba refers
    to) trains them; 2D joints are the annotated ones. Samples from ``tools/dataset_converters/
    mpi_inf_3dhp_motionagformer.py`` have the same form, with an entry ``valid`` marking frames to score.

    Args:
        camera_param_file (str, optional): MMPose's ``cameras_train.pkl`` or ``cameras_test.pkl``, for image
            sizes; without it they are 2048 x 2048, and 1920 x 1080 for TS5 and TS6.

    The other arguments are those of :class:`LiftingClipDataset`.
    """

    METAINFO: dict = dict(from_file='configs/_base_/datasets/mpi_inf_3dhp.py')

    def __init__(self,
                 ann_file: str,
                 camera_param_file: Optional[str] = None,
                 num_frames: int = 81,
                 stride: Optional[int] = None,
                 keep_tail: bool = False,
                 random_stretch: bool = False,
                 metainfo: Optional[dict] = None,
                 data_root: str = '',
                 pipeline: Sequence[dict] = (),
                 test_mode: bool = False,
                 lazy_init: bool = False,
                 indices: Optional[Union[int, Sequence[int]]] = None) -> None:
        self.camera_param_file = camera_param_file
        super().__init__(
            ann_file, num_frames=num_frames, stride=stride, keep_tail=keep_tail,
            random_stretch=random_stretch, metainfo=metainfo, data_root=data_root, pipeline=pipeline,
            test_mode=test_mode, lazy_init=lazy_init, indices=indices)

    def read_frames(self) -> FrameTable:
        """Read annotations and image sizes."""
        data = load_frames(self.ann_file, self._metainfo['num_keypoints'])
        stems = [osp.splitext(osp.basename(str(name)))[0].rpartition('_') for name in data['imgname']]
        for name, (video, _, frame) in zip(data['imgname'], stems):
            if not video or not frame.isdigit():
                raise UserError(f"{self.ann_file}: image name '{name}' is not of MPI-INF-3DHP's form "
                                'S1_Seq1_Cam0_000001.jpg')
        source = np.array([video for video, *_ in stems])
        order = order_by_video(source, np.array([int(frame) for *_, frame in stems]))
        target = (data['S'][..., :3] * 1000).astype(np.float32)
        table = FrameTable(
            keypoints=data['part'][..., :2].astype(np.float32),
            scores=np.ones(target.shape[:2], dtype=np.float32), target=target, truth=target,
            valid=data['valid'], size=self._sizes(source),
            factor=np.ones(len(source), dtype=np.float32), source=source,
            sequence=np.array([name.split('_Cam')[0] for name in source]),
            action=np.array([name.split('_')[0] for name in source]), image=data['imgname'].astype(str))
        return FrameTable(**{name: value[order] for name, value in vars(table).items()})

    def _sizes(self, source: np.ndarray) -> np.ndarray:
        cameras = load_pickle(self.path_of(self.camera_param_file)) if self.camera_param_file else None
        sizes = np.zeros((len(source), 2), dtype=np.float32)
        for video in np.unique(source):
            size = OUTDOOR.get(video, (2048, 2048))
            if cameras is not None:
                if video not in cameras:
                    raise UserError(
                        f'{self.camera_param_file} has no camera {video}, which {self.ann_file} needs')
                listed = tuple(float(np.squeeze(cameras[video][side])) for side in ('w', 'h'))
                if listed[1] > np.ravel(cameras[video]['c'])[1]:
                    size = listed
                else:  # MMPose's converter cuts off the last digit of the height
                    MMLogger.get_current_instance().warning(
                        f'{self.camera_param_file}: height {listed[1]:g} of {video} is above its principal '
                        f'point; {size[0]} x {size[1]} is used')
            sizes[source == video] = size
        return sizes
