"""Windows that also know the annotated joints of the support frames."""
from __future__ import annotations

from collections import defaultdict
from typing import Dict, List, Tuple

import numpy as np

from mmpose_gss.datasets.body.annotations import joint_table
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
        annotated = [sample for sample in data_list if 'raw_ann_info' in sample]
        keypoints, visible = joint_table([sample['raw_ann_info'] for sample in annotated], self._joint_order,
                                         self._num_file_joints, self.ann_file)
        keypoints = keypoints + np.float32(self.layout.coordinate_shift)
        joints = np.concatenate([keypoints, visible[..., None]], axis=2).astype(np.float32)
        self._tracks: Dict[Tuple[int, int], Dict[int, np.ndarray]] = defaultdict(dict)
        for sample, person in zip(annotated, joints):
            self._tracks[self._track_of(sample)][sample['frame_position']] = person
        return data_list

    @staticmethod
    def _track_of(sample: dict) -> Tuple[int, int]:
        """Clip and track; a person without a track is one of its own, numbered below -1."""
        ann = sample['raw_ann_info']
        return sample['clip_index'], ann.get('track_id', -2 - ann['id'])

    def get_data_info(self, idx: int) -> dict:
        """Give a fresh copy of a sample with its window and ``track_joints``, empty for a detected person."""
        info = super().get_data_info(idx)
        track = self._tracks[self._track_of(info)] if 'raw_ann_info' in info else {}
        info['track_joints'] = {position: joints.copy() for position, joints in track.items()}
        return info
