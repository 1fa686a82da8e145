"""The authors' checkpoints of DCPose (``DcPose_RSN``) in our names.

| official | here |
| --- | --- |
| `rough_pose_estimation_net.*` | `backbone.backbone.*`, the names of MMPose's HRNet |
| `rough_pose_estimation_net.final_layer` | `neck.rough_head.final_layer` |
| `diff_temporal_fuse`, `support_temporal_fuse` | `neck.residual_fusion`, `neck.merger` |
| `offset_mask_combine_conv` | `neck.features` |
| `offsets_list.i.0`, `masks_list.i.0` | `neck.correction.samplings.i.offset`, `.mask` |
| `modulated_deform_conv_list.i.deform_conv` | `neck.correction.samplings.i.weight`, `.bias` |
"""
from __future__ import annotations

from typing import Dict, Tuple

from torch import Tensor

from mmpose_gss.models.layers.official_state import OfficialState

METHOD = 'DCPose'


def _conv_bn(state: OfficialState, old: str, new: str) -> Dict[str, Tensor]:
    return {**state.layer(f'{old}.conv', f'{new}.0'), **state.take_all(f'{old}.bn.', f'{new}.1.')}


def _residual_steps(state: OfficialState, old: str, new: str) -> Dict[str, Tensor]:
    out = {}
    for i in range(state.count(f'{old}.layers')):
        block, ours = f'{old}.layers.{i}', f'{new}.{i}'
        out.update(_conv_bn(state, f'{block}.conv_bn_relu1', f'{ours}.expand'))
        for branch in range(4):
            for step in range(branch + 1):
                out.update(_conv_bn(state, f'{block}.conv_bn_relu2_{branch + 1}_{step + 1}',
                                    f'{ours}.steps.{branch}.{step}'))
        out.update(_conv_bn(state, f'{block}.conv_bn_relu3', f'{ours}.merge'))
        if state.has(f'{block}.downsample.conv.weight'):
            out.update(_conv_bn(state, f'{block}.downsample', f'{ours}.shortcut'))
    return out


def convert(content: Dict) -> Tuple[Dict[str, Tensor], Dict]:
    """Rename an official checkpoint.

    Args:
        content (dict): The file's content, with ``state_dict``.

    Returns:
        tuple: The ``state_dict`` of an estimator with :class:`~mmpose_gss.models.DCPoseNeck`, and what the
        file tells of that neck: ``in_channels``, ``num_keypoints``, ``residual_channels``,
        ``residual_depth``, ``merger_depth``, ``embed_dims``, ``depth``, and the number of dilations,
        ``num_dilations``.

    Raises:
        UserError: If an entry is missing or left over.
    """
    state = OfficialState(content, METHOD)
    out = state.layer('rough_pose_estimation_net.final_layer', 'neck.rough_head.final_layer')
    out.update(state.take_all('rough_pose_estimation_net.', 'backbone.backbone.'))
    chains = dict(residual_fusion='diff_temporal_fuse', merger='support_temporal_fuse',
                  features='offset_mask_combine_conv')
    depths = {name: state.count(f'{old}.layers') for name, old in chains.items()}
    for name, old in chains.items():
        out.update(_residual_steps(state, old, f'neck.{name}'))
    num_dilations = state.count('offsets_list')
    for i in range(num_dilations):
        new = f'neck.correction.samplings.{i}'
        out[f'{new}.offset.weight'] = state.take(f'offsets_list.{i}.0.weight')
        out[f'{new}.mask.weight'] = state.take(f'masks_list.{i}.0.weight')
        out[f'{new}.weight'] = state.take(f'modulated_deform_conv_list.{i}.deform_conv.weight')
        out[f'{new}.bias'] = state.take(f'modulated_deform_conv_list.{i}.deform_conv.bias')
    state.finish()
    num_keypoints, in_channels = out['neck.rough_head.final_layer.weight'].shape[:2]
    return out, dict(
        in_channels=in_channels, num_keypoints=num_keypoints, num_dilations=num_dilations,
        residual_channels=out['neck.residual_fusion.0.merge.0.weight'].shape[0],
        residual_depth=depths['residual_fusion'], merger_depth=depths['merger'],
        embed_dims=out['neck.features.0.merge.0.weight'].shape[0], depth=depths['features'])
