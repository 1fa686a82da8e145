"""Ignore regions of PoseTrack: places whose people are not annotated."""
from __future__ import annotations

import numpy as np

from mmpose_gss.structures.coco_format import load_annotations


class IgnoreRegions(dict):
    """The ignore regions of an annotation file: image id → polygons ``(P,2)`` in pixels.

    Args:
        ann_file (str): COCO-style file or a folder of them.
    """

    def __init__(self, ann_file: str) -> None:
        super().__init__()
        for image in load_annotations(ann_file)['images']:
            pairs = zip(image.get('ignore_regions_x', ()), image.get('ignore_regions_y', ()))
            polygons = [np.stack([xs, ys], axis=1) for xs, ys in pairs if len(xs) == len(ys) > 0]
            if polygons:
                self[image['id']] = polygons
