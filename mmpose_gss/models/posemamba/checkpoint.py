"""Official PoseMamba checkpoints as ours.

The official files hold the weights under ``model_pos`` (``model`` in some), every key prefixed ``module.`` by
DataParallel. The result holds ``state_dict`` with ``backbone.*`` and ``head.*``, and under ``meta.model`` the
config of backbone and head, inferred from the shapes. Every key must be understood, or the rest is listed.
"""
from __future__ import annotations

import math
import re
from collections import OrderedDict
from pathlib import Path
from typing import Dict, Mapping, Union

import torch
from torch import Tensor

from mmpose_gss.engine.checkpoint import read_safely
from mmpose_gss.errors import UserError
from mmpose_gss.registry import MODELS

#: Official name → our name, outside and inside a block.
TOP_KEYS = {
    'Spatial_patch_to_embedding.weight': 'backbone.embed.weight',
    'Spatial_patch_to_embedding.bias': 'backbone.embed.bias',
    'Spatial_pos_embed': 'backbone.joint_table',
    'Temporal_pos_embed': 'backbone.frame_table',
    'Spatial_norm.weight': 'backbone.spatial_norm.weight',
    'Spatial_norm.bias': 'backbone.spatial_norm.bias',
    'Temporal_norm.weight': 'backbone.temporal_norm.weight',
    'Temporal_norm.bias': 'backbone.temporal_norm.bias',
    'head.0.weight': 'head.norm.weight',
    'head.0.bias': 'head.norm.bias',
    'head.1.weight': 'head.fc.weight',
    'head.1.bias': 'head.fc.bias',
}
BLOCK_KEYS = {
    'norm.weight': 'norm1.weight',
    'norm.bias': 'norm1.bias',
    'op.in_proj.weight': 'mixer.in_proj.weight',
    'op.conv2d.weight': 'mixer.conv.weight',
    'op.conv2d.bias': 'mixer.conv.bias',
    'op.x_proj_weight': 'mixer.scan.x_proj_weight',
    'op.dt_projs_weight': 'mixer.scan.dt_proj_weight',
    'op.dt_projs_bias': 'mixer.scan.dt_bias',
    'op.A_logs': 'mixer.scan.A_log',
    'op.Ds': 'mixer.scan.D',
    'op.out_norm.weight': 'mixer.out_norm.weight',
    'op.out_norm.bias': 'mixer.out_norm.bias',
    'op.out_proj.weight': 'mixer.out_proj.weight',
    'norm2.weight': 'norm2.weight',
    'norm2.bias': 'norm2.bias',
    'mlp.fc1.weight': 'mlp.expand.weight',
    'mlp.fc1.bias': 'mlp.expand.bias',
    'mlp.fc2.weight': 'mlp.reduce.weight',
    'mlp.fc2.bias': 'mlp.reduce.bias',
}
BLOCK = re.compile(r'(STE|TTE)blocks\.(\d+)\.(.+)')
BLOCK_LISTS = dict(STE='backbone.spatial_blocks', TTE='backbone.temporal_blocks')


class ConversionError(UserError):
    """The file is not a checkpoint of the official PoseMamba."""


def load_official(path: Union[str, Path]) -> Dict[str, Tensor]:
    """Read the weights of an official file, without running code that it may contain.

    Args:
        path (str | Path): The file.

    Returns:
        OrderedDict[str, Tensor]: Weights by official name, without the prefix ``module.``.

    Raises:
        FileNotFoundError: If there is no such file.
        UserError: If it cannot be read safely.
        ConversionError: If it has no weights.
    """
    checkpoint = read_safely(path, mapped=False)
    if not isinstance(checkpoint, dict):
        raise ConversionError(
            f'{path} holds a {type(checkpoint).__name__}, not a dictionary with an entry model_pos')
    if any(str(key).startswith('backbone.') for key in checkpoint.get('state_dict', ())):
        raise ConversionError(
            f'{path} is already a checkpoint for MMPose (it has state_dict with backbone.*)')
    for entry in ('model_pos', 'model'):
        if isinstance(checkpoint.get(entry), dict):
            weights = checkpoint[entry]
            break
    else:
        if not checkpoint or not all(isinstance(value, torch.Tensor) for value in checkpoint.values()):
            entries = ', '.join(map(str, checkpoint)) or 'none'
            raise ConversionError(f'{path} has no entry model_pos; its entries are: {entries}')
        weights = checkpoint
    not_tensors = [str(key) for key, value in weights.items() if not isinstance(value, torch.Tensor)]
    if not_tensors or not weights:
        raise ConversionError(f'the weights in {path} are {"empty" if not weights else "not all tensors: "}'
                              + ', '.join(not_tensors[:10]))
    return OrderedDict((re.sub(r'^(module\.)+', '', key), value) for key, value in weights.items())


def rename(weights: Mapping[str, Tensor]) -> Dict[str, Tensor]:
    """Rename official weights.

    Args:
        weights (dict[str, Tensor]): Of :func:`load_official`.

    Returns:
        OrderedDict[str, Tensor]: Weights by our name, in our shapes.

    Raises:
        ConversionError: Listing all keys that are not of PoseMamba.
    """
    renamed, rest = OrderedDict(), []
    for key, value in weights.items():
        block = BLOCK.fullmatch(key)
        if key in TOP_KEYS:
            name = TOP_KEYS[key]
        elif block and block[3] in BLOCK_KEYS:
            name = f'{BLOCK_LISTS[block[1]]}.{block[2]}.{BLOCK_KEYS[block[3]]}'
        else:
            rest.append(key)
            continue
        renamed[name] = value.detach().float().clone()
    if rest:
        raise ConversionError(
            f'{len(rest)} of {len(weights)} keys are not of the official PoseMamba: {", ".join(rest)}')
    if 'backbone.frame_table' in renamed and renamed['backbone.frame_table'].dim() == 3:
        renamed['backbone.frame_table'] = renamed['backbone.frame_table'].unsqueeze(2)  # (1,T,C) → (1,T,1,C)
    if 'backbone.joint_table' in renamed and renamed['backbone.joint_table'].dim() == 3:
        renamed['backbone.joint_table'] = renamed['backbone.joint_table'].unsqueeze(1)  # (1,J,C) → (1,1,J,C)
    for key, value in renamed.items():  # official A_logs (K·D,N) and Ds (K·D,): ours are (K,D,N) and (K,D)
        if key.endswith('mixer.scan.A_log') and value.dim() == 2 and value.shape[0] % 4 == 0:
            renamed[key] = value.view(4, -1, value.shape[1])
        elif key.endswith('mixer.scan.D') and value.dim() == 1 and value.shape[0] % 4 == 0:
            renamed[key] = value.view(4, -1)
    return renamed


def infer_config(state_dict: Mapping[str, Tensor]) -> Dict[str, dict]:
    """Infer the size of the network from shapes.

    Args:
        state_dict (dict[str, Tensor]): Of :func:`rename`.

    Returns:
        dict: ``backbone`` and ``head``, configs that fit the weights.

    Raises:
        ConversionError: If a weight that tells the size is missing.
    """
    first = 'backbone.spatial_blocks.0.'
    needed = ('backbone.embed.weight', 'backbone.joint_table', 'backbone.frame_table', 'head.fc.weight',
              first + 'mixer.scan.A_log', first + 'mixer.scan.dt_proj_weight', first + 'mlp.expand.weight')
    missing = [key for key in needed if key not in state_dict]
    if missing:
        raise ConversionError(f'weights that tell the size of the network are missing: {", ".join(missing)}')
    dim, channels = state_dict['backbone.embed.weight'].shape
    depth = 1 + max(int(key.split('.')[2]) for key in state_dict if '_blocks.' in key)
    _, inner, rank = state_dict[first + 'mixer.scan.dt_proj_weight'].shape
    backbone = dict(
        type='mmpose_gss.PoseMamba', embed_dims=dim, depth=depth,
        num_frames=state_dict['backbone.frame_table'].shape[1],
        num_joints=state_dict['backbone.joint_table'].shape[2], in_channels=channels)
    ratios = dict(mlp_ratio=state_dict[first + 'mlp.expand.weight'].shape[0] / dim, expand=inner / dim)
    backbone.update({name: value for name, value in ratios.items() if value != 2.0})
    scan = dict(d_state=(state_dict[first + 'mixer.scan.A_log'].shape[-1], 16),
                dt_rank=(rank, math.ceil(dim / 16)))
    scan = {name: value for name, (value, default) in scan.items() if value != default}
    if scan:
        backbone['scan'] = scan
    if backbone['num_joints'] != 17:
        raise ConversionError(
            f'the checkpoint has {backbone["num_joints"]} joints; the official code knows the 17 of '
            'Human3.6M only')
    head = dict(
        type='mmpose_gss.PoseMambaHead', in_channels=dim, out_channels=state_dict['head.fc.weight'].shape[0])
    return dict(backbone=backbone, head=head)


def check(state_dict: Mapping[str, Tensor], config: Mapping[str, dict]) -> None:
    """Compare names and shapes with those of the network.

    Raises:
        ConversionError: Listing missing and superfluous names and wrong shapes.
    """
    wanted = {}
    for part in ('backbone', 'head'):
        weights = MODELS.build(config[part]).state_dict()
        wanted.update((f'{part}.{key}', value) for key, value in weights.items())
    problems = [f'missing: {key}' for key in wanted if key not in state_dict]
    problems += [f'superfluous: {key}' for key in state_dict if key not in wanted]
    problems += [f'{key} is {tuple(state_dict[key].shape)} instead of {tuple(wanted[key].shape)}'
                 for key in wanted if key in state_dict and state_dict[key].shape != wanted[key].shape]
    if problems:
        raise ConversionError(f'{len(problems)} weights do not fit the network: {"; ".join(problems)}')


def convert(source: Union[str, Path], target: Union[str, Path]) -> dict:
    """Convert a file.

    Args:
        source (str | Path): Official checkpoint.
        target (str | Path): Where to write ours; missing folders are made.

    Returns:
        dict: ``keys`` (number converted), ``parameters`` and ``model`` (configs of backbone and head).

    Raises:
        FileNotFoundError: If the source does not exist.
        UserError: If it cannot be read safely.
        ConversionError: If it is not a checkpoint of the official PoseMamba.
    """
    target = Path(target)
    if target.exists() and target.resolve() == Path(source).resolve():
        raise ConversionError(f'{target} is the source itself; write to another file')
    state_dict = rename(load_official(source))
    config = infer_config(state_dict)
    check(state_dict, config)
    target.parent.mkdir(parents=True, exist_ok=True)
    torch.save(dict(meta=dict(model=config, source='official PoseMamba'), state_dict=state_dict), target)
    return dict(keys=len(state_dict), parameters=sum(v.numel() for v in state_dict.values()), model=config)
