"""TAR-ViTPose (Fang et al., CVPR 2026, arXiv 2603.05929): temporal aggregate-and-restore for ViTPose.

| paper | file | class |
| --- | --- | --- |
| joint-centric temporal aggregation (JTA) | ``joint_aggregation.py`` | ``JointAggregation`` |
| its masks from the first heatmaps | ``joint_mask.py`` | ``joint_places``, ``per_joint`` |
| global restoring attention (GRA) | ``joint_aggregation.py`` | ``PostNormAttention`` |
| the whole | ``tar_vitpose_neck.py`` | ``TARViTPoseNeck`` |
| the authors' weights | ``checkpoint.py`` | ``convert`` |
"""
from mmpose_gss.models.tar_vitpose.tar_vitpose_neck import TARViTPoseNeck

__all__ = ['TARViTPoseNeck']
