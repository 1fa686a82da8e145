"""Poseidon: the official checkpoint against a plain reading of the method, with and without its faults."""
import pytest
import torch
import torch.nn.functional as F
from mmpose.registry import MODELS
from torch import nn

import mmpose_gss.models  # noqa: F401
from mmpose_gss.errors import UserError
from mmpose_gss.models.clip_features import ClipFeatures
from mmpose_gss.models.poseidon.checkpoint import convert
from mmpose_gss.structures.clip_window import ClipWindow

DIMS, JOINTS, FRAMES, ROWS, COLUMNS, DEPTHS = 32, 17, 3, 8, 6, (0, 2)
VIT = dict(
    type='mmpretrain.VisionTransformer', img_size=(128, 96), patch_size=16, qkv_bias=True,
    with_cls_token=False, out_type='featmap', patch_cfg=dict(padding=2), out_indices=(*DEPTHS, 3),
    arch=dict(embed_dims=DIMS, num_layers=4, num_heads=2, feedforward_channels=64))


def official_modules():
    """The official network's modules by the official names; torch's own layers."""
    torch.manual_seed(0)
    quarter = DIMS // 4
    modules = nn.ModuleDict(dict(
        backbone=MODELS.build(VIT),
        deconv_layer=nn.Sequential(
            nn.ConvTranspose2d(DIMS, 16, 4, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
            nn.ConvTranspose2d(16, 16, 4, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()),
        final_layer=nn.Conv2d(16, JOINTS, 1),
        feature_fusion=nn.ModuleDict(dict(
            ppm=nn.ModuleDict(dict(paths=nn.ModuleList(
                nn.Sequential(nn.AdaptiveAvgPool2d(grid), nn.Conv2d(DIMS, quarter, 1, bias=False),
                              nn.BatchNorm2d(quarter), nn.ReLU()) for grid in (1, 2, 3, 6)))),
            fusion_conv=nn.Conv2d(2 * DIMS, DIMS, 3, padding=1, bias=False), fusion_norm=nn.BatchNorm2d(DIMS),
            attention_fusion=nn.ModuleDict(dict(
                attention=nn.MultiheadAttention(DIMS, 4, batch_first=True), norm=nn.LayerNorm(DIMS),
                final_proj=nn.Linear(DIMS, DIMS))))),
        adaptive_weighting=nn.ModuleDict(dict(frame_quality_estimator=nn.Sequential(
            nn.Conv2d(DIMS, 64, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
            nn.Linear(64, 1)))),
        cross_attention=nn.ModuleDict(dict(mha=nn.MultiheadAttention(DIMS, 4, batch_first=True))),
        self_attention=nn.MultiheadAttention(DIMS, 4, batch_first=True),
        intermediate_layer_norms=nn.ModuleDict({f'layer{i}': nn.LayerNorm(DIMS) for i in DEPTHS}),
        layer_norm=nn.LayerNorm([DIMS, ROWS, COLUMNS])))
    for name, value in [*modules.named_buffers(), *modules.named_parameters()]:
        if name.endswith('running_var'):
            value.data = 0.5 + torch.rand_like(value)
        elif 'norm' in name and value.is_floating_point():
            value.data = value.data + 0.1 * torch.randn_like(value)
    return modules.eval()


def official_state(modules):
    """Its checkpoint: encoder and head stand in it several times."""
    state = modules.state_dict()
    copies = {'backbone.': ('model.backbone.', 'extract_layers.model.'),
              'deconv_layer.': ('model.head.deconv_layers.', ), 'final_layer.': ('model.head.final_layer.', )}
    for key in list(state):
        for old, news in copies.items():
            if key.startswith(old):
                state.update({new + key[len(old):]: state[key] for new in news})
    return dict(state_dict=dict(model_state_dict=state, epoch=3))


def fused_frames(modules, clip, scrambled):
    """Fused map ``(T,C,h,w)`` of the frames of one person."""
    def as_map(tokens):
        shape = (-1, DIMS, ROWS, COLUMNS)
        return tokens.contiguous().view(shape) if scrambled else tokens.transpose(1, 2).reshape(shape)

    def as_tokens(frames):
        return frames.contiguous().view(FRAMES, -1, DIMS) if scrambled else frames.flatten(2).transpose(1, 2)
    fusion, maps = modules['feature_fusion'], list(modules['backbone'](clip))
    for i, depth in enumerate(DEPTHS):
        norm = modules['intermediate_layer_norms'][f'layer{depth}']
        maps[i] = as_map(norm(maps[i].flatten(2).transpose(1, 2)))
    tokens = []
    for frames in maps:
        pooled = [F.interpolate(path(frames), frames.shape[-2:], mode='bilinear', align_corners=True)
                  for path in fusion['ppm']['paths']]
        frames = fusion['fusion_norm'](fusion['fusion_conv'](torch.cat([frames, *pooled], 1))).relu()
        tokens.append(as_tokens(frames))
    tokens, last = torch.cat(tokens, 1), fusion['attention_fusion']
    tokens = last['norm'](tokens + last['attention'](tokens, tokens, tokens)[0])
    return as_map(last['final_proj'](torch.stack(tokens.chunk(len(maps), 1)).mean(0)))


def plain(modules, images, scrambled):
    """The method written down in a loop over persons, with torch's attention."""
    results = []
    for clip in images:
        frames = fused_frames(modules, clip, scrambled)
        scores = modules['adaptive_weighting']['frame_quality_estimator'](frames)
        frames = frames * scores.softmax(0)[:, :, None, None]
        tokens = frames.flatten(2).transpose(1, 2)
        key, others = tokens[1:2], tokens[[0, 2]]
        others = modules['self_attention'](others, others, others)[0].flatten(0, 1)[None]
        found = modules['cross_attention']['mha'](key, others, others)[0]
        found = modules['layer_norm'](found.transpose(1, 2).reshape(1, DIMS, ROWS, COLUMNS)) + frames[1:2]
        results.append(modules['final_layer'](modules['deconv_layer'](found)))
    return torch.cat(results)


def estimator(found, **changes):
    neck = dict(type='mmpose_gss.PoseidonNeck', **{key: found[key] for key in (
        'in_channels', 'num_depths', 'norm_map_size', 'official_order')})
    return MODELS.build(dict(
        type='mmpose_gss.VideoTopdownPoseEstimator', freeze_backbone=False,
        backbone=dict(type='mmpose_gss.DeconvEncoder', backbone={**VIT, 'out_indices': found['out_indices']}),
        neck={**neck, **changes},
        head=dict(type='mmpose_gss.TemporalHeatmapHead', in_channels=DIMS,
                  out_channels=found['num_keypoints'], deconv_out_channels=(16, 16),
                  deconv_kernel_sizes=(4, 4), final_layer=dict(kernel_size=1)))).eval()


@pytest.mark.parametrize('scrambled', [True, False], ids=['official order', 'tokens are places'])
def test_converted_checkpoint_gives_the_plain_result(scrambled):
    modules = official_modules()
    state, found = convert(official_state(modules))
    assert found == dict(in_channels=DIMS, num_keypoints=JOINTS, num_depths=3, norm_map_size=(ROWS, COLUMNS),
                         official_order=True, out_indices=(0, 2, 3), encoder_layers=4)
    model = estimator(found, official_order=scrambled)
    model.load_state_dict(state)
    images = torch.randn(2, FRAMES, 3, 128, 96)
    with torch.no_grad():
        expected, out = plain(modules, images, scrambled), model(images, None, mode='tensor')
    assert (out - expected).norm() / expected.norm() < 1e-5
    assert sum(p.numel() for p in model.parameters()) == sum(p.numel() for p in modules.parameters())


def test_mixing_persons_changes_a_person_with_its_batch():
    """What the authors' code does for more than one person; alone it makes no difference."""
    state, found = convert(official_state(official_modules()))
    images = torch.randn(2, FRAMES, 3, 128, 96)
    results = {}
    for mix in (True, False):
        model = estimator(found, mix_persons=mix)
        model.load_state_dict(state)
        with torch.no_grad():
            results[mix] = model(images, None, mode='tensor'), model(images[:1], None, mode='tensor')
    torch.testing.assert_close(results[True][1], results[False][1])
    torch.testing.assert_close(results[False][0][:1], results[False][1])
    assert not torch.allclose(results[True][0][:1], results[True][1], atol=1e-6)


@pytest.mark.parametrize('change, message', [
    (lambda s: s.update({'extra.weight': torch.ones(1)}), '1 entries are none of Poseidon: extra.weight'),
    (lambda s: s.pop('self_attention.in_proj_bias'), "no entry 'self_attention.in_proj_bias'"),
    (lambda s: s.update({'extract_layers.model.ln1.bias': torch.ones(DIMS)}), 'differs from its other copy'),
])
def test_other_checkpoints_are_refused(change, message):
    content = official_state(official_modules())
    change(content['state_dict']['model_state_dict'])
    with pytest.raises(UserError, match=message):
        convert(content)


def test_wrong_features_are_named():
    neck = MODELS.build(dict(type='mmpose_gss.PoseidonNeck', in_channels=DIMS, norm_map_size=(ROWS, COLUMNS)))
    maps = [torch.randn(1, FRAMES, DIMS, ROWS, COLUMNS)] * 3
    with pytest.raises(UserError, match='3 outputs of the encoder, but got 2'):
        neck(ClipFeatures(maps[:2], None, ClipWindow.centred(FRAMES)))
    with pytest.raises(UserError, match=r'norm_map_size=\(8, 6\), but got \(6, 8\)'):
        neck(ClipFeatures([m.transpose(-1, -2) for m in maps], None, ClipWindow.centred(FRAMES)))


def test_order_of_frames_has_no_effect_and_the_key_frame_has():
    neck = MODELS.build(dict(type='mmpose_gss.PoseidonNeck', in_channels=DIMS, num_depths=1)).eval()
    maps = torch.randn(2, FRAMES, DIMS, ROWS, COLUMNS)
    with torch.no_grad():
        first, = neck(ClipFeatures([maps], None, ClipWindow.around(0, FRAMES)))
        last, = neck(ClipFeatures([maps.flip(1)], None, ClipWindow.around(FRAMES - 1, FRAMES)))
        other, = neck(ClipFeatures([maps], None, ClipWindow.around(1, FRAMES)))
    torch.testing.assert_close(first, last, rtol=1e-4, atol=1e-5)
    assert (first - other).norm() > 1e-2 * first.norm()
