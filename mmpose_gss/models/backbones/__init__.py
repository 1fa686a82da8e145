"""Registered backbones."""
from mmpose_gss.models.backbones.deconv_encoder import DeconvEncoder
from mmpose_gss.models.backbones.posemamba import PoseMamba

__all__ = ['DeconvEncoder', 'PoseMamba']
