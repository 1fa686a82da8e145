"""Registered backbones."""
from mmpose_gss.models.backbones.deconv_encoder import DeconvEncoder
from mmpose_gss.models.backbones.flow_encoder import FlowEncoder
from mmpose_gss.models.backbones.posemamba import PoseMamba

__all__ = ['DeconvEncoder', 'FlowEncoder', 'PoseMamba']
