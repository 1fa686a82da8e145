"""Joints, skeletons and weights of the data sets, in the form MMPose parses (``dataset_info``)."""
from mmpose_gss.structures.jhmdb_metainfo import JHMDB
from mmpose_gss.structures.posetrack_metainfo import (
    POSETRACK17,
    POSETRACK18,
    POSETRACK21,
    SYNTHETIC_POSETRACK,
)

__all__ = ['JHMDB', 'POSETRACK17', 'POSETRACK18', 'POSETRACK21', 'SYNTHETIC_POSETRACK']
