"""Frames concatenated and convolved: the plainest use of a window, the baseline of ``docs/add_a_method.md``.

One file, one class: :class:`~mmpose_gss.models.concat_conv.concat_conv_neck.ConcatConvNeck`.
"""
from mmpose_gss.models.concat_conv.concat_conv_neck import ConcatConvNeck

__all__ = ['ConcatConvNeck']
