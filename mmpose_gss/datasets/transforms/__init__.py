"""Transforms of clips."""
from mmpose_gss.datasets.transforms.augmentation import ClipBBoxTransform, RandomClipFlip
from mmpose_gss.datasets.transforms.clip_heatmaps import GenerateClipHeatmaps
from mmpose_gss.datasets.transforms.formatting import PackClipInputs
from mmpose_gss.datasets.transforms.loading import LoadClip
from mmpose_gss.datasets.transforms.temporal import DropFrames, MotionBlurClip, ReverseTime, StrideJitter

__all__ = [
    'ClipBBoxTransform', 'DropFrames', 'GenerateClipHeatmaps', 'LoadClip', 'MotionBlurClip',
    'PackClipInputs', 'RandomClipFlip', 'ReverseTime', 'StrideJitter'
]
