"""The authors' checkpoints of Poseidon in our names.

| official | here |
| --- | --- |
| `backbone.*`, again as `model.backbone.*` and `extract_layers.model.*` | `backbone.backbone.*` |
| `deconv_layer.*`, again as `model.head.deconv_layers.*` | `head.deconv_layers.*` |
| `final_layer.*`, again as `model.head.final_layer.*` | `head.final_layer.*` |
| `intermediate_layer_norms.layerI` | `neck.depth_norms`, shallow first |
| `feature_fusion.ppm.paths.i.1`, `.2` | `neck.fusion.pooling.convs.i.0`, `.1` |
| `feature_fusion.fusion_conv`, `.fusion_norm` | `neck.fusion.squeeze.0`, `.1` |
| `feature_fusion.attention_fusion` | `neck.fusion.depths` |
| `adaptive_weighting.frame_quality_estimator.0`, `.4` | `neck.weighting.conv`, `.score` |
| `self_attention`, `cross_attention.mha`, `layer_norm` | `neck.within_frame`, `.across_frames`, `.norm` |
"""
from __future__ import annotations

import re
from typing import Dict, List, Tuple

from torch import Tensor

from mmpose_gss.models.layers.official_state import OfficialState

METHOD = 'Poseidon'


def _encoder_and_head(state: OfficialState) -> Dict[str, Tensor]:
    out = state.take_all('backbone.', 'backbone.backbone.')
    for copy in ('model.backbone.', 'extract_layers.model.'):
        state.drop_copies(copy, 'backbone.backbone.', out)
    for old, copy, new in (('deconv_layer.', 'model.head.deconv_layers.', 'head.deconv_layers.'),
                           ('final_layer.', 'model.head.final_layer.', 'head.final_layer.')):
        out.update(state.take_all(old, new))
        state.drop_copies(copy, new, out)
    return out


def _depths(state: OfficialState) -> List[int]:
    found = (re.fullmatch(r'intermediate_layer_norms\.layer(\d+)\.weight', key) for key in state.left)
    return sorted(int(match.group(1)) for match in found if match)


def _fusion(state: OfficialState) -> Dict[str, Tensor]:
    out = {}
    for i in range(state.count('feature_fusion.ppm.paths')):
        old, new = f'feature_fusion.ppm.paths.{i}', f'neck.fusion.pooling.convs.{i}'
        out[f'{new}.0.weight'] = state.take(f'{old}.1.weight')
        out.update(state.take_all(f'{old}.2.', f'{new}.1.'))
    out['neck.fusion.squeeze.0.weight'] = state.take('feature_fusion.fusion_conv.weight')
    out.update(state.take_all('feature_fusion.fusion_norm.', 'neck.fusion.squeeze.1.'))
    old, new = 'feature_fusion.attention_fusion', 'neck.fusion.depths'
    out.update(state.attention(f'{old}.attention', f'{new}.attention'))
    out.update(state.layer(f'{old}.norm', f'{new}.norm'))
    out.update(state.layer(f'{old}.final_proj', f'{new}.proj'))
    return out


def convert(content: Dict) -> Tuple[Dict[str, Tensor], Dict]:
    """Rename an official checkpoint.

    Args:
        content (dict): The file's content, with ``state_dict`` or ``state_dict['model_state_dict']``.

    Returns:
        tuple: The ``state_dict`` of an estimator with :class:`~mmpose_gss.models.PoseidonNeck`, and what the
        file tells of that neck and its encoder: ``in_channels``, ``num_keypoints``, ``num_depths``,
        ``norm_map_size``, ``official_order``, ``out_indices``, ``encoder_layers``.

    Raises:
        UserError: If an entry is missing or left over.
    """
    state = OfficialState(content, METHOD)
    out = _encoder_and_head(state)
    depths = _depths(state)
    for i, depth in enumerate(depths):
        out.update(state.layer(f'intermediate_layer_norms.layer{depth}', f'neck.depth_norms.{i}'))
    out.update(_fusion(state))
    out.update(state.layer('adaptive_weighting.frame_quality_estimator.0', 'neck.weighting.conv'))
    out.update(state.layer('adaptive_weighting.frame_quality_estimator.4', 'neck.weighting.score'))
    out.update(state.attention('self_attention', 'neck.within_frame'))
    out.update(state.attention('cross_attention.mha', 'neck.across_frames'))
    out.update(state.layer('layer_norm', 'neck.norm'))
    state.finish()
    layers = len({key.split('.')[3] for key in out if key.startswith('backbone.backbone.layers.')})
    dims, *size = out['neck.norm.weight'].shape
    return out, dict(in_channels=dims, num_keypoints=out['head.final_layer.weight'].shape[0],
                     num_depths=len(depths) + 1, norm_map_size=tuple(size), official_order=True,
                     out_indices=(*depths, layers - 1), encoder_layers=layers)
