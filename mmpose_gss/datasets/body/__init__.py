"""Data sets of body poses in video."""
from mmpose_gss.datasets.body.combined_video_dataset import CombinedVideoDataset
from mmpose_gss.datasets.body.labelled_video_dataset import LabelledVideoDataset
from mmpose_gss.datasets.body.posetrack_video_dataset import PoseTrackVideoDataset
from mmpose_gss.datasets.body.sub_jhmdb_video_dataset import SubJHMDBVideoDataset
from mmpose_gss.datasets.body.track_video_dataset import PoseTrackTrackDataset

__all__ = [
    'CombinedVideoDataset', 'LabelledVideoDataset', 'PoseTrackTrackDataset', 'PoseTrackVideoDataset',
    'SubJHMDBVideoDataset'
]
