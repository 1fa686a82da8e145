"""Metrics as NumPy functions."""
from mmpose_gss.evaluation.functional.jitter import JitterResult, posetrack_jitter
from mmpose_gss.evaluation.functional.posetrack_ap import APResult, posetrack_ap
from mmpose_gss.evaluation.functional.posetrack_eval import (
    format_table,
    load_frames,
    per_video_figures,
    posetrack_figures,
)
from mmpose_gss.evaluation.functional.posetrack_frames import (
    PersonPairs,
    PoseTrackFrames,
    evaluated_frames,
    pair_people,
)
from mmpose_gss.evaluation.functional.posetrack_io import load_directories, load_video, parse_video
from mmpose_gss.evaluation.functional.posetrack_joints import JOINT_GROUPS, POSETRACK_JOINTS, group_joints
from mmpose_gss.evaluation.functional.posetrack_mot import MOTCounts, MOTResult, mot_figures, posetrack_mot
from mmpose_gss.evaluation.functional.posetrack_video import PoseTrackFileError, PoseTrackVideo, pair_frames

__all__ = [
    'APResult', 'JOINT_GROUPS', 'JitterResult', 'MOTCounts', 'MOTResult', 'POSETRACK_JOINTS', 'PersonPairs',
    'PoseTrackFileError', 'PoseTrackFrames', 'PoseTrackVideo', 'evaluated_frames', 'format_table',
    'group_joints', 'load_directories', 'load_frames', 'load_video', 'mot_figures', 'pair_frames',
    'pair_people', 'parse_video', 'per_video_figures', 'posetrack_ap', 'posetrack_figures',
    'posetrack_jitter', 'posetrack_mot'
]
