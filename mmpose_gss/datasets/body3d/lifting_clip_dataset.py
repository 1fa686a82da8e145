"""Base of the data sets for lifting 2D clips to 3D.

Shapes: T frames of a clip, J joints.
"""
from __future__ import annotations

import os.path as osp
from abc import abstractmethod
from copy import deepcopy
from typing import List, Optional, Sequence, Union

import numpy as np
from mmengine.dataset import BaseDataset
from mmpose.datasets.datasets.utils import parse_pose_metainfo

from mmpose_gss.datasets.body3d.clips import split_clips
from mmpose_gss.datasets.body3d.frame_table import FrameTable
from mmpose_gss.errors import UserError
from mmpose_gss.structures.metainfo import H36M
from mmpose_gss.structures.schema import content_of


class LiftingClipDataset(BaseDataset):
    """Clips of 2D joints with 3D targets, in the keys that MMPose's ``MotionBERTLabel`` and packing read.

    Subclasses read one file format into a :class:`FrameTable`. A sample has ``keypoints`` in pixels
    ``(T, J, 2)``, ``keypoints_visible`` ``(T, J)``, ``lifting_target`` in m ``(T, J, 3)``,
    ``lifting_target_visible`` ``(T, J)``, ``camera_param`` (``w`` and ``h``), ``factor`` ``(T,)``,
    ``frame_ids`` ``(T,)``, ``source``, ``sequence``, ``action`` and ``target_img_path``. Protocol:
    MotionBERT, as PoseMamba uses it.

    Args:
        ann_file (str): The annotation file, within ``data_root``.
        num_frames (int): T. Defaults to 243.
        stride (int, optional): Frames between the starts of clips. Defaults to T.
        keep_tail (bool): Whether the frames after the last full clip of a video get a clip of their own.
            Defaults to False.
        keypoint_2d (str): ``'detection'``, or ``'gt'`` for 2D joints projected from the 3D ones. Defaults to
            ``'detection'``.
        random_stretch (bool): Whether videos shorter than T are stretched at random (evenly otherwise).
            Defaults to False.
        metainfo (dict, optional): Metainfo other than the class's.
        data_root (str): Folder of the files. Defaults to none.
        pipeline (Sequence[dict]): Transforms. Defaults to none.
        test_mode (bool): Whether samples are for scoring: their targets are the ground truth to score with.
            Defaults to False.
        lazy_init (bool): Whether to read nothing yet. Defaults to False.
        indices (int | Sequence[int], optional): Use some of the clips only.

    Raises:
        FileNotFoundError: If a file is missing.
        UserError: If an argument is unusable or a file is not as it should be.
    """

    METAINFO: dict = H36M

    def __init__(self,
                 ann_file: str,
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
        if keypoint_2d not in ('detection', 'gt'):
            raise UserError(f"keypoint_2d must be 'detection' or 'gt', got {keypoint_2d!r}")
        self.num_frames = num_frames
        self.stride = num_frames if stride is None else stride
        self.keep_tail = keep_tail
        self.keypoint_2d = keypoint_2d
        self.random_stretch = random_stretch
        self.table: Optional[FrameTable] = None
        super().__init__(
            ann_file=ann_file, metainfo=metainfo, data_root=data_root, pipeline=list(pipeline),
            test_mode=test_mode, lazy_init=lazy_init, indices=indices, serialize_data=False, max_refetch=10)

    @classmethod
    def _load_metainfo(cls, metainfo: Optional[dict] = None) -> dict:
        return parse_pose_metainfo(deepcopy(cls.METAINFO if metainfo is None else metainfo))

    @abstractmethod
    def read_frames(self) -> FrameTable:
        """Read the file.

        Returns:
            FrameTable: All frames.
        """

    def path_of(self, name: str) -> str:
        """Give the path of a file given relative to ``data_root``."""
        return name if osp.isabs(name) else osp.join(self.data_root or '', name)

    def load_data_list(self) -> List[dict]:
        """Read the frames and cut them into clips."""
        with content_of(self.ann_file, f'a file of {type(self).__name__}'):
            self.table = self.read_frames()
            self.table.check(self.ann_file, self._metainfo['num_keypoints'])
        if self.keypoint_2d == 'gt':
            self.table.keypoints = self.ground_truth_2d()
            self.table.scores = np.ones_like(self.table.scores)
        rng = np.random.default_rng(0) if self.random_stretch else None
        clips = split_clips(self.table.source, self.num_frames, self.stride, self.keep_tail, rng)
        return [dict(id=i, frame_ids=frames) for i, frames in enumerate(clips)]

    def ground_truth_2d(self) -> np.ndarray:
        """Give the 2D joints that go with the 3D ones, x and y in image millimetres, ``(N, J, 2)``."""
        return self.table.target[..., :2].copy()

    def get_data_info(self, idx: int) -> dict:
        """Collect a clip; see the class for its keys."""
        info = super().get_data_info(idx)
        table, frames = self.table, info['frame_ids']
        first = frames[0]
        target = table.target[frames]
        if self.test_mode:  # MotionBERTLabel multiplies by the factor when it encodes for scoring
            target = table.truth[frames] / table.factor[frames, None, None]
        visible = np.repeat(table.valid[frames, None], target.shape[1], axis=1).astype(np.float32)
        info.update(
            category_id=1, num_keypoints=target.shape[1], keypoints=table.keypoints[frames].copy(),
            keypoints_visible=table.scores[frames].copy(), lifting_target=(target / 1000).astype(np.float32),
            lifting_target_visible=visible, factor=table.factor[frames].copy(),
            camera_param=dict(w=float(table.size[first, 0]), h=float(table.size[first, 1])),
            source=str(table.source[first]), sequence=str(table.sequence[first]),
            action=str(table.action[first]), target_img_path=[str(name) for name in table.image[frames]])
        for key in ('upper_body_ids', 'lower_body_ids', 'flip_pairs', 'flip_indices',
                    'dataset_keypoint_weights', 'skeleton_links'):
            info[key] = deepcopy(self._metainfo[key])
        return info
