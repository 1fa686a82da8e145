"""Ignore regions of PoseTrack: places whose people are not annotated."""
from __future__ import annotations

from mmpose_gss.structures.coco_format import load_annotations
from mmpose_gss.structures.posetrack_format import ignore_regions


class IgnoreRegions(dict):
    """The ignore regions of an annotation file: image id → polygons ``(P,2)`` in pixels.

    Args:
        ann_file (str): COCO-style file or a folder of them.
    """

    def __init__(self, ann_file: str) -> None:
        super().__init__()
        for image in load_annotations(ann_file)['images']:
            polygons = [polygon for polygon in ignore_regions(image, ann_file) or () if len(polygon)]
            if polygons:
                self[image['id']] = polygons
