"""PoseTrack17, PoseTrack18, PoseTrack21 and synthetic clips in PoseTrack18's layout."""
from mmpose_gss.datasets.body.base_video_dataset import BaseVideoPoseDataset
from mmpose_gss.registry import DATASETS
from mmpose_gss.structures.clip_frames import FrameLayout
from mmpose_gss.structures.metainfo import POSETRACK17, POSETRACK18, POSETRACK21, SYNTHETIC_POSETRACK
from mmpose_gss.structures.skeletons import UNANNOTATED_JOINTS


@DATASETS.register_module()
class PoseTrackVideoDataset(BaseVideoPoseDataset):
    """Persons in windows of PoseTrack's videos.

    "PoseTrack: A Benchmark for Human Pose Estimation and Tracking", CVPR 2018. The versions differ in how
    frames are named and numbered only (``layout``):

    ===================== ============ =============
    layout                frame name   first frame
    ===================== ============ =============
    posetrack18           %06d.jpg     0
    posetrack17           %08d.jpg     1
    posetrack21           %06d.jpg     0
    synthetic_posetrack   %06d.jpg     0
    ===================== ============ =============

    Joints are matched by the names in the file's ``categories``; ears are never annotated and always have
    weight 0. For the arguments see
    :class:`~mmpose_gss.datasets.body.base_video_dataset.BaseVideoPoseDataset`.
    """

    METAINFO: dict = POSETRACK18
    LAYOUTS = {
        'posetrack18': FrameLayout('%06d.jpg', 0),
        'posetrack17': FrameLayout('%08d.jpg', 1),
        'posetrack21': FrameLayout('%06d.jpg', 0),
        'synthetic_posetrack': FrameLayout('%06d.jpg', 0),
    }
    LAYOUT_METAINFO = {
        'posetrack18': POSETRACK18,
        'posetrack17': POSETRACK17,
        'posetrack21': POSETRACK21,
        'synthetic_posetrack': SYNTHETIC_POSETRACK,
    }
    UNANNOTATED = UNANNOTATED_JOINTS
