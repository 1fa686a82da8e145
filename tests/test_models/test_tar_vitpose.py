"""TAR-ViTPose: masks, order of tokens, and the official checkpoint against a plain reading of the method."""
import pytest
import torch
import torch.nn.functional as F
from mmpose.registry import MODELS
from torch import nn

import mmpose_gss.models  # noqa: F401
from mmpose_gss.errors import UserError
from mmpose_gss.models.clip_features import ClipFeatures
from mmpose_gss.models.tar_vitpose.checkpoint import convert
from mmpose_gss.models.tar_vitpose.joint_mask import joint_places, per_joint
from mmpose_gss.structures.clip_window import ClipWindow

DIMS, JOINTS, LAYERS, FRAMES, ROWS, COLUMNS = 32, 17, 2, 3, 8, 6


def official_modules():
    """The official network's modules by the official names; torch's own layers."""
    torch.manual_seed(0)
    modules = nn.ModuleDict(dict(
        backbone=MODELS.build(dict(
            type='mmpretrain.VisionTransformer', img_size=(128, 96), patch_size=16, qkv_bias=True,
            with_cls_token=False, out_type='featmap', patch_cfg=dict(padding=2),
            arch=dict(embed_dims=DIMS, num_layers=2, num_heads=2, feedforward_channels=64))),
        heatmap_head=nn.Sequential(
            nn.Sequential(
                nn.ConvTranspose2d(DIMS, 16, 4, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
                nn.ConvTranspose2d(16, 16, 4, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()),
            nn.Conv2d(16, JOINTS, 1)),
        query_feat=nn.Embedding(JOINTS, DIMS), query_pe=nn.Embedding(JOINTS, DIMS)))

    def attention():
        mha = nn.MultiheadAttention(DIMS, 4, batch_first=True)
        return nn.ModuleDict(dict(mha=mha, norm=nn.LayerNorm(DIMS)))
    for name in ('masked_attention_layers', 'self_attention_layers'):
        modules[name] = nn.ModuleList(attention() for _ in range(LAYERS))
    modules['ffn_layers'] = nn.ModuleList(nn.ModuleDict(dict(
        fc1=nn.Linear(DIMS, 2 * DIMS), fc2=nn.Linear(2 * DIMS, DIMS), norm=nn.LayerNorm(DIMS)))
        for _ in range(LAYERS))
    modules['cross_attention'] = attention()
    for name, buffer in modules.named_buffers():
        if name.endswith('running_var'):
            buffer.data = 0.5 + torch.rand_like(buffer)
    return modules.eval()


def official_state(modules):
    """Its checkpoint: encoder and head stand in it twice."""
    state = modules.state_dict()
    copies = {'backbone.': 'model.backbone.', 'heatmap_head.0.': 'model.head.deconv_layers.',
              'heatmap_head.1.': 'model.head.final_layer.'}
    for key in list(state):
        for old, new in copies.items():
            if key.startswith(old):
                state[new + key[len(old):]] = state[key]
    return dict(state_dict=dict(model_state_dict=state, epoch=3, optimizer_state_dict={}))


def plain(modules, images, scrambled, threshold=0.5):
    """The method written down in a loop over persons, with torch's attention."""
    def attend(part, query, context, hidden=None):
        out, _ = part['mha'](query, context, context, attn_mask=hidden)
        return part['norm'](query + out)
    results = []
    for clip in images:
        maps = modules['backbone'](clip)[0]
        first = modules['heatmap_head'](maps)
        low, high = first.amin((2, 3), keepdim=True), first.amax((2, 3), keepdim=True)
        small = F.interpolate((first - low) / (high - low + 1e-6), (ROWS, COLUMNS), mode='bilinear')
        hidden = (small < threshold).flatten(2)                                       # (T,J,N)
        if scrambled:
            tokens = maps.contiguous().view(FRAMES, ROWS * COLUMNS, DIMS)
            hidden = hidden.contiguous().view(JOINTS, FRAMES, -1)
        else:
            tokens, hidden = maps.flatten(2).transpose(1, 2), hidden.transpose(0, 1)
        hidden = hidden.flatten(1)
        assert 0.05 < hidden.float().mean() < 0.95 and not hidden.all(1).any()
        joints, context = (modules['query_feat'].weight + modules['query_pe'].weight)[None], \
            tokens.flatten(0, 1)[None]
        for i in range(LAYERS):
            joints = attend(modules['masked_attention_layers'][i], joints, context, hidden)
            joints = attend(modules['self_attention_layers'][i], joints, joints)
            ffn = modules['ffn_layers'][i]
            joints = ffn['norm'](joints + ffn['fc2'](F.gelu(ffn['fc1'](joints))))
        key = attend(modules['cross_attention'], tokens[None, FRAMES // 2], joints)[0]
        shape = (1, DIMS, ROWS, COLUMNS)
        key = key.reshape(shape) if scrambled else key.t().reshape(shape)
        results.append(modules['heatmap_head'](key))
    return torch.cat(results)


def estimator(found):
    return MODELS.build(dict(
        type='mmpose_gss.VideoTopdownPoseEstimator', freeze_backbone=False,
        backbone=dict(type='mmpose_gss.DeconvEncoder', backbone=dict(
            type='mmpretrain.VisionTransformer', img_size=(128, 96), patch_size=16, qkv_bias=True,
            with_cls_token=False, out_type='featmap', patch_cfg=dict(padding=2),
            arch=dict(embed_dims=DIMS, num_layers=2, num_heads=2, feedforward_channels=64))),
        neck=dict(
            type='mmpose_gss.TARViTPoseNeck', in_channels=found['in_channels'],
            num_keypoints=found['num_keypoints'], num_layers=found['num_layers'],
            ffn_ratio=found['ffn_ratio'], official_order=found['official_order'], mask_threshold=0.5,
            heatmap_head=dict(
                type='mmpose.HeatmapHead', in_channels=DIMS, out_channels=JOINTS,
                deconv_out_channels=(16, 16), deconv_kernel_sizes=(4, 4))),
        head=dict(type='mmpose_gss.TemporalHeatmapHead', in_channels=JOINTS, out_channels=JOINTS,
                  final_layer=None))).eval()


@pytest.mark.parametrize('scrambled', [True, False], ids=['official order', 'tokens are places'])
def test_converted_checkpoint_gives_the_plain_result(scrambled):
    modules = official_modules()
    state, found = convert(official_state(modules))
    assert found == dict(in_channels=DIMS, num_keypoints=JOINTS, num_layers=LAYERS, ffn_ratio=2.,
                         official_order=True, encoder_layers=2)
    model = estimator(found)
    model.load_state_dict(state)
    model.neck.official_order = scrambled
    images = torch.randn(2, FRAMES, 3, 128, 96)
    with torch.no_grad():
        expected = plain(modules, images, scrambled)
        out = model(images, None, mode='tensor')
    assert (out - expected).norm() / expected.norm() < 1e-5
    assert sum(p.numel() for p in model.parameters()) == sum(p.numel() for p in modules.parameters())


@pytest.mark.parametrize('change, message', [
    (lambda s: s.update({'extra.weight': torch.ones(1), 'more.bias': torch.ones(1)}),
     r'2 entries are none of TAR-ViTPose: extra.weight, more.bias'),
    (lambda s: s.pop('query_pe.weight'), "no entry 'query_pe.weight'"),
    (lambda s: s.update({'model.head.final_layer.bias': torch.ones(JOINTS)}), 'differs from its other copy'),
])
def test_other_checkpoints_are_refused(change, message):
    content = official_state(official_modules())
    change(content['state_dict']['model_state_dict'])
    with pytest.raises(UserError, match=message):
        convert(content)


def test_joints_look_where_their_heatmap_is_high():
    heatmaps = torch.zeros(1, 2, 3, 16, 12)
    heatmaps[0, 0, 1, 4:8, 8:12] = 1.
    places = joint_places(heatmaps, (4, 3), 0.2)
    rows = per_joint(places, official_order=False)
    assert rows.shape == (1, 3, 24)
    assert rows[0, 1].nonzero().flatten().tolist() == [5]  # second row, last column of the first frame
    assert rows[0, 0].all() and rows[0, 2].all()  # flat heatmaps hide nothing


def test_order_of_frames_has_no_effect_and_the_key_frame_has():
    neck = estimator(convert(official_state(official_modules()))[1]).neck
    neck.official_order = False
    maps = torch.randn(2, FRAMES, DIMS, ROWS, COLUMNS)
    with torch.no_grad():
        first, = neck(ClipFeatures([maps], None, ClipWindow.around(0, FRAMES)))
        last, = neck(ClipFeatures([maps.flip(1)], None, ClipWindow.around(FRAMES - 1, FRAMES)))
        other, = neck(ClipFeatures([maps], None, ClipWindow.around(1, FRAMES)))
    torch.testing.assert_close(first, last, rtol=1e-4, atol=1e-5)
    assert (first - other).norm() > 1e-2 * first.norm()
