"""PoseMamba (AAAI 2025, arXiv 2408.03540): 2D joint sequences to 3D.

| paper | file | class or function |
|---|---|---|
| whole, Sec. 3.2 | ``pose_mamba.py`` | ``PoseMamba`` |
| Sec. 3.3: bidirectional global-local block | ``pose_mamba_block.py`` | ``PoseMambaBlock`` |
| its four scans, limb reordering | ``pose_mamba_block.py`` | ``PoseMambaMixer`` |
| regression head, flip test | ``pose_mamba_head.py`` | ``PoseMambaHead`` |
| losses | ``pose_lifting_loss.py`` | ``PoseLiftingLoss`` |
| parents that the limb reordering reads | ``joint_parents.py`` | ``parents_from_metainfo`` |
| scans | ``../layers/selective_scan.py`` | ``SelectiveScan`` |
| beyond the paper: sequences longer than a window | ``windows.py`` | ``run_in_windows`` |
| official weights | ``checkpoint.py`` | ``convert`` |
"""
from mmpose_gss.models.posemamba.pose_lifting_loss import PoseLiftingLoss
from mmpose_gss.models.posemamba.pose_mamba import PoseMamba
from mmpose_gss.models.posemamba.pose_mamba_head import PoseMambaHead

__all__ = ['PoseLiftingLoss', 'PoseMamba', 'PoseMambaHead']
