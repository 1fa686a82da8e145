"""Joint space-time attention (Bertasius et al. 2021, Eq. 2 of SDTC): the plain transformer as a baseline.

One file, one class: :class:`~mmpose_gss.models.joint_attention.joint_attention_neck.JointAttentionNeck`.
"""
from mmpose_gss.models.joint_attention.joint_attention_neck import JointAttentionNeck

__all__ = ['JointAttentionNeck']
