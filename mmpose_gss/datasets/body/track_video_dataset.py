"""Windows that also know the annotated joints of the support frames."""
from __future__ import annotations

from collections import defaultdict
from typing import Dict, List, Tuple

import numpy as np

from mmpose_gss.datasets.body.posetrack_video_dataset import PoseTrackVideoDataset
from mmpose_gss.registry import DATASETS


@DATASETS.register_module()
class PoseTrackTrackDataset(PoseTrackVideoDataset):
    """PoseTrack's windows with the person's joints in every annotated frame of the clip.

    PoseTrack's training videos are annotated densely around their middle, so that the support frames of many
    windows have ground truth. It lies under ``track_joints``: position of the frame → ``(K,3)`` float32,
    x and y in the image and whether the joint is annotated. For the arguments see
    :class:`~mmpose_gss.datasets.body.base_video_dataset.BaseVideoPoseDataset`.
    """

    def load_data_list(self) -> List[dict]:
        """Load all samples and index their joints by clip, track and frame."""
        data_list = super().load_data_list()
        self._tracks: Dict[Tuple[int, int], Dict[int, np.ndarray]] = defaultdict(dict)
        for sample in data_list:
            if sample['track_id'] != -1:
                key = sample['clip_index'], sample['track_id']
                self._tracks[key][sample['frame_position']] = self._joints(sample)
        return data_list

    @staticmethod
    def _joints(sample: dict) -> np.ndarray:
        visible = sample['keypoints_visible'][0].reshape(-1, 1)
        return np.concatenate([sample['keypoints'][0], visible], axis=1).astype(np.float32)

    def get_data_info(self, idx: int) -> dict:
        """A fresh copy of a sample with its window and ``track_joints``."""
        info = super().get_data_info(idx)
        track = self._tracks.get((info['clip_index'], info['track_id']))
        track = track or {info['frame_position']: self._joints(info)}
        info['track_joints'] = {position: joints.copy() for position, joints in track.items()}
        return info
