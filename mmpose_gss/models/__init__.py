"""Models: everything registered in :data:`mmpose_gss.registry.MODELS`; a method is a folder and a line."""
from mmpose_gss.models.clip_data_preprocessor import ClipDataPreprocessor  # noqa: F401
from mmpose_gss.models.concat_conv import *  # noqa: F401,F403
from mmpose_gss.models.dcpose import *  # noqa: F401,F403
from mmpose_gss.models.deconv_encoder import DeconvEncoder  # noqa: F401
from mmpose_gss.models.glsmamba import *  # noqa: F401,F403
from mmpose_gss.models.joint_attention import *  # noqa: F401,F403
from mmpose_gss.models.poseidon import *  # noqa: F401,F403
from mmpose_gss.models.posemamba import *  # noqa: F401,F403
from mmpose_gss.models.sdtc import *  # noqa: F401,F403
from mmpose_gss.models.tar_vitpose import *  # noqa: F401,F403
from mmpose_gss.models.temporal_heatmap_head import TemporalHeatmapHead  # noqa: F401
from mmpose_gss.models.video_topdown import VideoTopdownPoseEstimator  # noqa: F401
