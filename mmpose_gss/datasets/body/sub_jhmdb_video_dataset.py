"""Sub-JHMDB: clips with a whole person, 15 joints, three splits."""
from mmpose_gss.datasets.body.base_video_dataset import BaseVideoPoseDataset
from mmpose_gss.registry import DATASETS
from mmpose_gss.structures.clip_frames import FrameLayout
from mmpose_gss.structures.metainfo import JHMDB


@DATASETS.register_module()
class SubJHMDBVideoDataset(BaseVideoPoseDataset):
    """Persons in windows of Sub-JHMDB's clips.

    "Towards Understanding Action Recognition", ICCV 2013. The files are those of MMPose's ``JhmdbDataset``:
    joints and boxes are in Matlab's 1-based pixels and read as 0-based. Choose the split by ``ann_file``
    (``annotations/Sub{1,2,3}_{train,test}.json``); published results are the mean of the three. For the
    arguments see :class:`~mmpose_gss.datasets.body.base_video_dataset.BaseVideoPoseDataset`.
    """

    METAINFO: dict = JHMDB
    LAYOUTS = {'sub_jhmdb': FrameLayout('%05d.png', 1, coordinate_shift=-1.0)}
    LAYOUT_METAINFO = {'sub_jhmdb': JHMDB}
