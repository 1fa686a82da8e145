"""Datasets and transforms."""
from mmpose_gss.datasets.body import *  # noqa: F401,F403
from mmpose_gss.datasets.body3d import *  # noqa: F401,F403
from mmpose_gss.datasets.transforms import *  # noqa: F401,F403
