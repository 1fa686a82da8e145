"""Heatmaps of every annotated frame of a window."""
from __future__ import annotations

from typing import Tuple

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.datasets.transforms import PackPoseInputs
from mmpose.registry import KEYPOINT_CODECS
from mmpose.structures.bbox import get_warp_matrix
from mmpose.structures.keypoint import flip_keypoints

from mmpose_gss.errors import UserError
from mmpose_gss.registry import TRANSFORMS
from mmpose_gss.structures.clip_window import ClipWindow


@TRANSFORMS.register_module()
class GenerateClipHeatmaps(BaseTransform):
    """Encode the joints of all T frames, under the key frame's flip and affine map.

    Comes after ``TopdownAffine`` (without UDP) and ``GenerateTarget``. The result is packed as
    ``gt_fields.clip_heatmaps`` (T·K,h,w) and ``gt_instance_labels.clip_keypoint_weights`` (1,T·K), zero in
    frames without annotation, for ``SDTCNeck(reconstruction=dict(pose_target='sequence'))``.

    Args:
        encoder (dict): Config of a heatmap codec, the one of ``GenerateTarget``.

    Raises:
        UserError: If the samples have no ``track_joints`` or the affine map has not been applied.
    """

    def __init__(self, encoder: dict) -> None:
        self.encoder = KEYPOINT_CODECS.build(encoder)

    def transform(self, results: dict) -> dict:
        """Add ``clip_heatmaps`` and ``clip_keypoint_weights``.

        Args:
            results (dict): The sample.

        Returns:
            dict: The sample.
        """
        for key, remedy in (('track_joints', 'use mmpose_gss.PoseTrackTrackDataset'),
                            ('input_size', 'put TopdownAffine before it')):
            if key not in results:
                raise UserError(f'GenerateClipHeatmaps needs "{key}" in the sample; {remedy}')
        window = ClipWindow(results['frame_offsets'], results.get('key_index'))
        positions = window.positions(results['frame_position'], results['clip_frames'].count)
        maps, weights = zip(*(self._frame(results, position) for position in positions))
        results['clip_heatmaps'] = np.concatenate(maps)
        results['clip_keypoint_weights'] = np.concatenate(weights, axis=1)
        for table, name in (('field_mapping_table', 'clip_heatmaps'),
                            ('label_mapping_table', 'clip_keypoint_weights')):
            known = results.get(table, getattr(PackPoseInputs, table))
            results[table] = {**known, name: name}
        return results

    def _frame(self, results: dict, position: int) -> Tuple[np.ndarray, np.ndarray]:
        """Draw heatmaps ``(K,h,w)`` and weights ``(1,K)`` of the frame at a position of the clip."""
        joints = results['track_joints'].get(position)
        if joints is None:
            width, height = self.encoder.heatmap_size
            number = results['keypoints'].shape[1]
            return np.zeros((number, height, width), np.float32), np.zeros((1, number), np.float32)
        keypoints, visible = joints[None, :, :2], joints[None, :, 2]
        if results.get('flip'):
            keypoints, visible = flip_keypoints(
                keypoints, visible, image_size=results['img_shape'][::-1],
                flip_indices=results['flip_indices'], direction=results['flip_direction'])
        matrix = get_warp_matrix(results['bbox_center'][0], results['bbox_scale'][0],
                                 results.get('bbox_rotation', [0.])[0], output_size=results['input_size'])
        encoded = self.encoder.encode(cv2.transform(keypoints, matrix), visible)
        return encoded['heatmaps'], encoded['keypoint_weights']
