"""Transforms of clips."""
from mmpose_gss.datasets.transforms.augmentation import ClipBBoxTransform
from mmpose_gss.datasets.transforms.formatting import PackClipInputs
from mmpose_gss.datasets.transforms.loading import LoadClip
from mmpose_gss.datasets.transforms.temporal import DropFrames, MotionBlurClip, ReverseTime, StrideJitter

__all__ = [
    'ClipBBoxTransform', 'DropFrames', 'LoadClip', 'MotionBlurClip', 'PackClipInputs', 'ReverseTime',
    'StrideJitter'
]
