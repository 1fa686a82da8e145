"""The authors' checkpoints of TAR-ViTPose in our names.

| official | here |
| --- | --- |
| `backbone.*`, again as `model.backbone.*` | `backbone.backbone.*` |
| `heatmap_head.0.*`, again as `model.head.deconv_layers.*` | `neck.heatmap_head.deconv_layers.*` |
| `heatmap_head.1.*`, again as `model.head.final_layer.*` | `neck.heatmap_head.final_layer.*` |
| `query_feat`, `query_pe` | `neck.aggregation.content`, `.position` |
| `masked_attention_layers.i`, `self_attention_layers.i`, `ffn_layers.i` | `neck.aggregation.layers.i` |
| `cross_attention` | `neck.restoring` |
"""
from __future__ import annotations

from typing import Dict, Tuple

from torch import Tensor

from mmpose_gss.models.layers.official_state import OfficialState

METHOD = 'TAR-ViTPose'


def convert(content: Dict) -> Tuple[Dict[str, Tensor], Dict]:
    """Rename an official checkpoint.

    Args:
        content (dict): The file's content, with ``state_dict`` or ``state_dict['model_state_dict']``.

    Returns:
        tuple: The ``state_dict`` of an estimator with :class:`~mmpose_gss.models.TARViTPoseNeck`, and the
        arguments of that neck and of its encoder that the file tells: ``in_channels``, ``num_keypoints``,
        ``num_layers``, ``ffn_ratio``, ``official_order``, ``encoder_layers``.

    Raises:
        UserError: If an entry is missing or left over.
    """
    state = OfficialState(content, METHOD)
    out = state.take_all('backbone.', 'backbone.backbone.')
    state.drop_copies('model.backbone.', 'backbone.backbone.', out)
    for old, copy, new in (('heatmap_head.0.', 'model.head.deconv_layers.', 'deconv_layers.'),
                           ('heatmap_head.1.', 'model.head.final_layer.', 'final_layer.')):
        out.update(state.take_all(old, f'neck.heatmap_head.{new}'))
        state.drop_copies(copy, f'neck.heatmap_head.{new}', out)
    num_layers = state.count('masked_attention_layers')
    out['neck.aggregation.content'] = state.take('query_feat.weight')
    out['neck.aggregation.position'] = state.take('query_pe.weight')
    for i in range(num_layers):
        new = f'neck.aggregation.layers.{i}'
        for old, part in (('masked', 'frames'), ('self', 'joints')):
            out.update(state.attention(f'{old}_attention_layers.{i}.mha', f'{new}.{part}.attention'))
            out.update(state.layer(f'{old}_attention_layers.{i}.norm', f'{new}.{part}.norm'))
        out.update(state.layer(f'ffn_layers.{i}.fc1', f'{new}.ffn.expand'))
        out.update(state.layer(f'ffn_layers.{i}.fc2', f'{new}.ffn.reduce'))
        out.update(state.layer(f'ffn_layers.{i}.norm', f'{new}.ffn_norm'))
    out.update(state.attention('cross_attention.mha', 'neck.restoring.attention'))
    out.update(state.layer('cross_attention.norm', 'neck.restoring.norm'))
    state.finish()
    num_keypoints, dims = out['neck.aggregation.content'].shape
    hidden = out['neck.aggregation.layers.0.ffn.expand.weight'].shape[0] if num_layers else 2 * dims
    layers = {key.split('.')[3] for key in out if key.startswith('backbone.backbone.layers.')}
    return out, dict(in_channels=dims, num_keypoints=num_keypoints, num_layers=num_layers,
                     ffn_ratio=hidden / dims, official_order=True, encoder_layers=len(layers))
