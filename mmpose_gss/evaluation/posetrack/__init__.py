"""PoseTrack's AP and MOTA as NumPy functions; the metric for the Runner is ``metric.py``.

Files are read by :mod:`mmpose_gss.structures.posetrack_format` into tables of people, ``pairing.py`` brings
ground truth and prediction together, ``frames.py`` chooses what counts, ``ap.py``, ``mot.py`` and
``jitter.py`` compute, ``report.py`` groups the figures.
"""
from mmpose_gss.evaluation.posetrack.ap import APResult, posetrack_ap
from mmpose_gss.evaluation.posetrack.frames import (
    PersonPairs,
    PoseTrackFrames,
    evaluated_frames,
    pair_people,
)
from mmpose_gss.evaluation.posetrack.jitter import JitterResult, posetrack_jitter
from mmpose_gss.evaluation.posetrack.joints import JOINT_GROUPS, group_joints
from mmpose_gss.evaluation.posetrack.mot import MOTCounts, MOTResult, mot_figures, posetrack_mot
from mmpose_gss.evaluation.posetrack.pairing import load_directories, pair_frames
from mmpose_gss.evaluation.posetrack.report import (
    format_table,
    load_frames,
    per_video_figures,
    posetrack_figures,
)
from mmpose_gss.structures.posetrack_format import load_video, parse_video

__all__ = [
    'APResult', 'JOINT_GROUPS', 'JitterResult', 'MOTCounts', 'MOTResult', 'PersonPairs', 'PoseTrackFrames',
    'evaluated_frames', 'format_table', 'group_joints', 'load_directories', 'load_frames', 'load_video',
    'mot_figures', 'pair_frames', 'pair_people', 'parse_video', 'per_video_figures', 'posetrack_ap',
    'posetrack_figures', 'posetrack_jitter', 'posetrack_mot'
]
