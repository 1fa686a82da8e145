"""Models: everything registered in :data:`mmpose_gss.registry.MODELS`."""
from mmpose_gss.models.backbones import *  # noqa: F401,F403
from mmpose_gss.models.data_preprocessors import *  # noqa: F401,F403
from mmpose_gss.models.heads import *  # noqa: F401,F403
from mmpose_gss.models.losses import *  # noqa: F401,F403
from mmpose_gss.models.necks import *  # noqa: F401,F403
from mmpose_gss.models.pose_estimators import *  # noqa: F401,F403
