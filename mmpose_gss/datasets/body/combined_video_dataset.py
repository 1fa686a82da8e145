"""Videos and images in one training set."""
from typing import Callable, List, Optional, Sequence, Union

from mmpose.datasets import CombinedDataset

from mmpose_gss.registry import DATASETS
from mmpose_gss.structures.metainfo import POSETRACK18


@DATASETS.register_module()
class CombinedVideoDataset(CombinedDataset):
    """MMPose's CombinedDataset, with PoseTrack18's joints unless others are given.

    Data sets of images may be members: ``mmpose_gss.LoadClip`` repeats an image over the window. A member
    with other joints needs ``mmpose.KeypointConverter`` in its own pipeline, see
    ``configs/_base_/datasets/posetrack18_coco_video.py``.

    Args:
        datasets (list): Configs of the members, whose pipelines run first.
        metainfo (dict, optional): The joints. Defaults to PoseTrack18's.
        pipeline (Sequence): Transforms of all samples. Defaults to none.
        sample_ratio_factor (list, optional): As in MMPose: how often a member's samples are drawn.
        test_mode (bool): As in MMPose. Defaults to False.
        lazy_init (bool): As in MMPose. Defaults to False.
    """

    METAINFO: dict = POSETRACK18

    def __init__(self,
                 datasets: list,
                 metainfo: Optional[dict] = None,
                 pipeline: Sequence[Union[dict, Callable]] = (),
                 sample_ratio_factor: Optional[List[float]] = None,
                 test_mode: bool = False,
                 lazy_init: bool = False) -> None:
        super().__init__(
            metainfo=metainfo or self.METAINFO,
            datasets=datasets,
            pipeline=pipeline,
            sample_ratio_factor=sample_ratio_factor,
            test_mode=test_mode,
            lazy_init=lazy_init)
