"""Official checkpoints: every key is renamed, sizes inferred, outputs kept, untrusted files refused."""
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from mmpose.registry import MODELS
from torch.nn import functional as F

from mmpose_gss.errors import UserError
from mmpose_gss.models.posemamba.checkpoint import ConversionError, convert

PARENTS = [0, 0, 1, 2, 3, 0, 4, 5, 6, 8, 11, 12, 13, 8, 14, 15, 16]


def official_weights(dim, depth, frames, seed=0):
    """Weights under the names and in the shapes of the official code."""
    torch.manual_seed(seed)
    inner, rank = 2 * dim, -(-dim // 16)
    shapes = {'Spatial_pos_embed': (1, 17, dim), 'Temporal_pos_embed': (1, frames, dim),
              'Spatial_patch_to_embedding.weight': (dim, 2), 'Spatial_patch_to_embedding.bias': (dim, ),
              'Spatial_norm.weight': (dim, ), 'Spatial_norm.bias': (dim, ), 'Temporal_norm.weight': (dim, ),
              'Temporal_norm.bias': (dim, ), 'head.0.weight': (dim, ), 'head.0.bias': (dim, ),
              'head.1.weight': (3, dim), 'head.1.bias': (3, )}
    block = {'norm.weight': (dim, ), 'norm.bias': (dim, ), 'op.x_proj_weight': (4, rank + 32, inner),
             'op.dt_projs_weight': (4, inner, rank), 'op.dt_projs_bias': (4, inner),
             'op.A_logs': (4 * inner, 16), 'op.Ds': (4 * inner, ),
             'op.out_norm.weight': (inner, ), 'op.out_norm.bias': (inner, ),
             'op.in_proj.weight': (2 * inner, dim), 'op.conv2d.weight': (inner, 1, 3, 3),
             'op.conv2d.bias': (inner, ),
             'op.out_proj.weight': (dim, inner), 'norm2.weight': (dim, ), 'norm2.bias': (dim, ),
             'mlp.fc1.weight': (2 * dim, dim), 'mlp.fc1.bias': (2 * dim, ), 'mlp.fc2.weight': (dim, 2 * dim),
             'mlp.fc2.bias': (dim, )}
    for kind in ('STE', 'TTE'):
        for i in range(depth):
            shapes.update({f'{kind}blocks.{i}.{name}': shape for name, shape in block.items()})
    weights = {}
    for name, shape in shapes.items():
        fan = shape[-1] if len(shape) > 1 and 'conv' not in name else 9
        weights[name] = torch.randn(shape) * (fan ** -0.5)
        if name.endswith('norm.weight') or name.endswith('norm2.weight') or name == 'head.0.weight':
            weights[name] += 1
    return weights


def official_forward(w, x, depth):
    """The official network, (T,17,2) to (T,17,3), written out for one clip with a time loop."""

    def norm(value, name, eps=1e-6):
        return F.layer_norm(value, value.shape[-1:], w[name + '.weight'], w[name + '.bias'], eps)

    def scan(u, p, k):
        inner = u.shape[1]
        rank = w[p + 'dt_projs_weight'].shape[-1]
        dt, B, C = (u @ w[p + 'x_proj_weight'][k].T).split([rank, 16, 16], dim=1)
        delta = F.softplus(dt @ w[p + 'dt_projs_weight'][k].T + w[p + 'dt_projs_bias'][k])
        A = -w[p + 'A_logs'][k * inner:(k + 1) * inner].exp()
        decay, drive = (delta[:, :, None] * A).exp(), (delta * u)[:, :, None] * B[:, None]
        h, out = torch.zeros_like(A), []
        for t in range(len(u)):
            h = decay[t] * h + drive[t]
            out.append(h @ C[t])
        return torch.stack(out) + u * w[p + 'Ds'][k * inner:(k + 1) * inner]

    def mixer(value, p):
        frames, joints, _ = value.shape
        value, z = F.linear(value, w[p + 'in_proj.weight']).chunk(2, dim=-1)
        value = F.conv2d(value.permute(2, 0, 1)[None], w[p + 'conv2d.weight'], w[p + 'conv2d.bias'],
                         padding=1, groups=value.shape[-1])[0]
        value = F.silu(value).permute(1, 2, 0)
        inner = value.shape[-1]
        limbs = (value + value[:, PARENTS]).reshape(-1, inner)
        joint_wise = value.transpose(0, 1).reshape(-1, inner)
        spatial = scan(limbs, p, 0) + scan(limbs.flip(0), p, 2).flip(0)
        temporal = scan(joint_wise, p, 1) + scan(joint_wise.flip(0), p, 3).flip(0)
        y = spatial.view(frames, joints, inner) + temporal.view(joints, frames, inner).transpose(0, 1)
        return F.linear(norm(y, p + 'out_norm', 1e-5) * F.silu(z), w[p + 'out_proj.weight'])

    def block(value, p):
        value = value + mixer(norm(value, p + 'norm'), p + 'op.')
        hidden = F.gelu(F.linear(norm(value, p + 'norm2'), w[p + 'mlp.fc1.weight'], w[p + 'mlp.fc1.bias']))
        return value + F.linear(hidden, w[p + 'mlp.fc2.weight'], w[p + 'mlp.fc2.bias'])

    x = F.linear(x, w['Spatial_patch_to_embedding.weight'], w['Spatial_patch_to_embedding.bias'])
    x = x + w['Spatial_pos_embed']
    for i in range(depth):
        x = norm(block(x, f'STEblocks.{i}.'), 'Spatial_norm')
        if i == 0:
            x = x + w['Temporal_pos_embed'][0, :len(x), None]
        x = norm(block(x, f'TTEblocks.{i}.'), 'Temporal_norm')
    return F.linear(norm(x, 'head.0', 1e-5), w['head.1.weight'], w['head.1.bias'])


def save(path, weights, prefix='module.', **extra):
    torch.save(dict(epoch=119, lr=1e-4, optimizer=dict(state={}), min_loss=np.float64(41.8),
                    model_pos={prefix + key: value for key, value in weights.items()}, **extra), path)
    return path


def build(path):
    checkpoint = torch.load(path, weights_only=True)
    model = MODELS.build(dict(type='PoseLifter', **checkpoint['meta']['model'])).eval()
    model.load_state_dict(checkpoint['state_dict'], strict=True)
    return model, checkpoint


@pytest.mark.parametrize('dim,depth,table,frames', [(64, 10, 243, 5), (128, 10, 243, 3), (64, 1, 243, 243),
                                                    (64, 2, 27, 27), (32, 20, 9, 1)])
def test_outputs_are_those_of_the_official_network(tmp_path, dim, depth, table, frames):
    weights = official_weights(dim, depth, table)
    report = convert(save(tmp_path / 'best_epoch.bin', weights), tmp_path / 'deep' / 'ours.pth')
    assert report['keys'] == len(weights)
    assert report['parameters'] == sum(value.numel() for value in weights.values())
    model, _ = build(tmp_path / 'deep' / 'ours.pth')
    assert (model.backbone.embed.out_features, len(model.backbone.spatial_blocks)) == (dim, depth)
    x = torch.rand(1, frames, 17, 2, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(
            model(x, None, mode='tensor')[0], official_forward(weights, x[0], depth), rtol=0, atol=1e-4)


def test_command_line(tmp_path, root):
    source = save(tmp_path / 'posemamba-s.pth.tr', official_weights(16, 2, 9))
    done = subprocess.run(
        [sys.executable, str(root / 'tools/model_converters/posemamba.py'), str(source),
         str(tmp_path / 'o.pth')],
        capture_output=True, text=True, cwd=root, env={**os.environ, 'PYTHONPATH': str(root)})
    assert done.returncode == 0, done.stderr
    assert 'embed_dims=16, depth=2, num_frames=9' in done.stdout
    state = torch.load(tmp_path / 'o.pth', weights_only=True)['state_dict']
    assert {key.split('.')[0] for key in state} == {'backbone', 'head'}


def test_keys_that_do_not_fit_are_all_listed(tmp_path):
    weights = official_weights(16, 2, 9)
    weights.update({'STEblocks.0.op.extra': torch.zeros(1), 'fusion.weight': torch.zeros(2)})
    with pytest.raises(ConversionError,
                       match=r'2 of 9\d keys.*STEblocks.0.op.extra, fusion.weight'):
        convert(save(tmp_path / 'a.bin', weights), tmp_path / 'o.pth')
    weights = official_weights(16, 2, 9)
    del weights['TTEblocks.1.op.Ds'], weights['head.0.bias']
    with pytest.raises(ConversionError) as error:
        convert(save(tmp_path / 'b.bin', weights), tmp_path / 'o.pth')
    assert 'missing: backbone.temporal_blocks.1.mixer.scan.D' in str(error.value)
    assert 'missing: head.norm.bias' in str(error.value)
    weights = official_weights(16, 2, 9)
    weights['TTEblocks.1.norm.weight'] = torch.ones(8)
    with pytest.raises(ConversionError, match=r'norm1.weight is \(8,\) instead of \(16,\)'):
        convert(save(tmp_path / 'c.bin', weights), tmp_path / 'o.pth')
    weights = official_weights(16, 2, 9)
    del weights['Temporal_pos_embed']
    with pytest.raises(ConversionError,
                       match='size of the network are missing: backbone.frame_table'):
        convert(save(tmp_path / 'd.bin', weights), tmp_path / 'o.pth')
    weights = official_weights(16, 2, 9)
    weights['Spatial_pos_embed'] = torch.zeros(1, 16, 16)
    with pytest.raises(ConversionError, match='16 joints'):
        convert(save(tmp_path / 'e.bin', weights), tmp_path / 'o.pth')
    assert not (tmp_path / 'o.pth').exists()


class Harmful:

    def __reduce__(self):
        return os.mkdir, ('harm_done', )


def test_wrong_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match='does not exist'):
        convert('nowhere.bin', 'o.pth')
    (tmp_path / 'text.bin').write_text('not a checkpoint')
    with pytest.raises(UserError, match='text.bin .* no checkpoint'):
        convert('text.bin', 'o.pth')
    torch.save(dict(epoch=1, weights={}), 'other.bin')
    with pytest.raises(ConversionError,
                       match='no entry model_pos; its entries are: epoch, weights'):
        convert('other.bin', 'o.pth')
    torch.save([1], 'list.bin')
    with pytest.raises(ConversionError, match='holds a list'):
        convert('list.bin', 'o.pth')
    torch.save(dict(model_pos={'a': 1}), 'numbers.bin')
    with pytest.raises(ConversionError, match='not all tensors: a'):
        convert('numbers.bin', 'o.pth')
    save('good.bin', official_weights(16, 1, 9))
    convert('good.bin', 'ours.pth')
    with pytest.raises(ConversionError, match='already a checkpoint for MMPose'):
        convert('ours.pth', 'again.pth')
    with pytest.raises(ConversionError, match='source itself'):
        convert('good.bin', 'good.bin')
    torch.save(dict(model_pos=Harmful()), 'harmful.bin')
    with pytest.raises(UserError, match='not safe to load'):
        convert('harmful.bin', 'o.pth')
    assert not (tmp_path / 'harm_done').exists()
