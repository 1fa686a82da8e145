"""Draw windows: whole frames with box, skeleton and ignore regions, or the crops a model gets.

Shapes: T frames, K joints; pictures are ``(H,W,3)`` uint8, BGR, the frames side by side.
"""
from __future__ import annotations

from typing import Dict, List, Optional, Sequence, Tuple

import cv2
import numpy as np

from mmpose_gss.visualization.skeleton import SkeletonStyle, draw_skeleton

_BOX, _REGION, _KEY, _WHITE = (0, 255, 255), (80, 80, 255), (0, 200, 0), (255, 255, 255)


def draw_frames(item: Dict, metainfo: Dict, regions: Sequence[np.ndarray], height: int) -> np.ndarray:
    """Draw a window as whole frames; box, skeleton and ignore regions are the key frame's.

    Args:
        item (dict): A sample after ``LoadClip``.
        metainfo (dict): MMPose's description of the data set.
        regions (Sequence[ndarray]): Polygons ``(P,2)`` in pixels.
        height (int): Height of the picture.

    Returns:
        ndarray: The picture.
    """
    scale, style = height / item['ori_shape'][0], SkeletonStyle.from_metainfo(metainfo)
    pictures = []
    for i, frame in enumerate(item['img']):
        picture = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        x1, y1, x2, y2 = (int(round(value * scale)) for value in item['bbox'][0])
        if i == item['key_index']:
            for polygon in regions:
                cv2.polylines(picture, [np.int32((polygon * scale).round())], True, _REGION, 1, cv2.LINE_AA)
            draw_skeleton(picture, item['keypoints'][0] * scale, style, item['keypoints_visible'][0])
        cv2.rectangle(picture, (x1, y1), (x2, y2), _BOX, 1)
        pictures.append(picture)
    label = f'{item["vid_id"]} {item["box_source"]} {item["bbox_score"][0]:.2f}' if 'vid_id' in item else ''
    return _side_by_side(pictures, item['key_index'], item.get('frame_offsets'), label)


def draw_crops(item: Dict, metainfo: Dict, height: int) -> np.ndarray:
    """Draw a window as the crops that a model gets; the key frame's with its transformed joints.

    Args:
        item (dict): A packed sample; ``pack_transformed`` gives the joints.
        metainfo (dict): MMPose's description of the data set.
        height (int): Height of the picture.

    Returns:
        ndarray: The picture.
    """
    sample = item['data_samples']
    key = sample.metainfo['key_index']
    scale = height / item['inputs'].shape[2]
    pictures = []
    for i, crop in enumerate(item['inputs']):
        picture = cv2.resize(crop.permute(1, 2, 0).numpy(), None, fx=scale, fy=scale)
        joints = sample.gt_instances.get('transformed_keypoints')
        if i == key and joints is not None and joints.ndim == 3:
            visible = sample.gt_instances.keypoints_visible[0]
            visible = visible[..., 0] if visible.ndim == 2 else visible
            draw_skeleton(picture, joints[0] * scale, SkeletonStyle.from_metainfo(metainfo), visible)
        pictures.append(picture)
    return _side_by_side(pictures, key, sample.metainfo.get('frame_offsets'), '')


def _side_by_side(pictures: List[np.ndarray], key: int, offsets: Optional[Sequence[int]],
                  label: str) -> np.ndarray:
    for i, picture in enumerate(pictures):
        if i == key:
            cv2.rectangle(picture, (0, 0), (picture.shape[1] - 1, picture.shape[0] - 1), _KEY, 3)
        _write(picture, f'{offsets[i]:+d}' if offsets is not None else str(i), (6, 18))
    _write(pictures[key], label, (6, pictures[key].shape[0] - 8))
    return np.concatenate(pictures, axis=1)


def _write(picture: np.ndarray, text: str, place: Tuple[int, int]) -> None:
    for color, width in (((0, 0, 0), 3), (_WHITE, 1)):
        cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, color, width, cv2.LINE_AA)
