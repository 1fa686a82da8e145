"""MMPose's description of a data set (``dataset_info``), derived from its skeleton."""
from __future__ import annotations

from mmpose_gss.structures.skeletons import COCO as COCO_SKELETON
from mmpose_gss.structures.skeletons import H36M as H36M_SKELETON
from mmpose_gss.structures.skeletons import JHMDB as JHMDB_SKELETON
from mmpose_gss.structures.skeletons import POSETRACK, Skeleton


def dataset_info(skeleton: Skeleton, name: str, title: str, year: str, homepage: str) -> dict:
    """Describe a data set as MMPose's ``parse_pose_metainfo`` reads it.

    Args:
        skeleton (Skeleton): Its joints and links.
        name (str): Its name.
        title (str): Title of its paper.
        year (str): Year of the paper.
        homepage (str): Address of the data set.

    Returns:
        dict: ``dataset_name``, ``paper_info``, ``keypoint_info``, ``skeleton_info``, ``joint_weights`` and
        ``sigmas`` (empty where they are not known).
    """
    keypoints = {}
    for number, joint in enumerate(skeleton.joints):
        swap = '' if joint.mirrored == joint.name else joint.mirrored
        keypoints[number] = dict(
            name=joint.name, id=number, color=list(joint.colour), type=joint.half, swap=swap)
    links = {
        number: dict(link=link, id=number, color=list(colour))
        for number, (link, colour) in enumerate(zip(skeleton.links, skeleton.link_colours))
    }
    return dict(
        dataset_name=name,
        paper_info=dict(title=title, year=year, homepage=homepage),
        keypoint_info=keypoints,
        skeleton_info=links,
        joint_weights=[joint.weight for joint in skeleton.joints],
        sigmas=[joint.sigma for joint in skeleton.joints if joint.sigma is not None])


_POSETRACK_TITLE = 'PoseTrack: A Benchmark for Human Pose Estimation and Tracking'

POSETRACK17 = dataset_info(POSETRACK, 'posetrack17', _POSETRACK_TITLE, '2018', 'https://posetrack.net')
POSETRACK18 = dataset_info(POSETRACK, 'posetrack18', _POSETRACK_TITLE, '2018', 'https://posetrack.net')
POSETRACK21 = dataset_info(
    POSETRACK, 'posetrack21',
    'PoseTrack21: A Dataset for Person Search, Multi-Object Tracking and Multi-Person Pose Tracking', '2022',
    'https://github.com/anDoer/PoseTrack21')
SYNTHETIC_POSETRACK = dataset_info(
    POSETRACK, 'synthetic_posetrack', 'Clips drawn by projects/synthetic_posetrack', '2026', '')
JHMDB = dataset_info(
    JHMDB_SKELETON, 'jhmdb', 'Towards Understanding Action Recognition', '2013', 'http://jhmdb.is.tue.mpg.de')
COCO = dataset_info(
    COCO_SKELETON, 'coco', 'Microsoft COCO: Common Objects in Context', '2014', 'https://cocodataset.org')
H36M = dataset_info(
    H36M_SKELETON, 'h36m',
    'Human3.6M: Large Scale Datasets and Predictive Methods for 3D Human Sensing in Natural Environments',
    '2014', 'http://vision.imar.ro/human3.6m')
