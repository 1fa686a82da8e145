"""DCPose: the official checkpoint against a plain reading of the method, weights of frames, training."""
import pytest
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import nn
from torchvision.ops import deform_conv2d

import mmpose_gss.models  # noqa: F401
from mmpose_gss.errors import UserError
from mmpose_gss.models.clip_features import ClipFeatures
from mmpose_gss.models.dcpose.checkpoint import convert
from mmpose_gss.models.dcpose.dcpose_neck import DCPoseNeck
from mmpose_gss.structures.clip_window import ClipWindow

CHANNELS, JOINTS, DILATIONS = 8, 5, (1, 2)
RESNET = dict(type='ResNet', depth=18, base_channels=CHANNELS, stem_channels=8, out_indices=(0, ))


class ConvBN(nn.Module):
    """Convolution and normalisation under the official names."""

    def __init__(self, channels, out, size):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(channels, out, size, padding=size // 2), nn.BatchNorm2d(out)

    def forward(self, x):
        return self.bn(self.conv(x))


def block(channels, out, downsample):
    width = channels * 26 // 64
    parts = dict(conv_bn_relu1=ConvBN(channels, 4 * width, 1), conv_bn_relu3=ConvBN(4 * width, out, 1))
    for branch in range(1, 5):
        for step in range(1, branch + 1):
            parts[f'conv_bn_relu2_{branch}_{step}'] = ConvBN(width, width, 3)
    if downsample:
        parts['downsample'] = ConvBN(channels, out, 1)
    return nn.ModuleDict(parts)


def chain(channels, out, depth):
    blocks = [block(channels, out, True), *(block(out, out, False) for _ in range(depth - 1))]
    return nn.ModuleDict(dict(layers=nn.ModuleList(blocks)))


def official_modules():
    """The official network's modules by the official names; the rough network is a small one."""
    torch.manual_seed(0)
    rough = MODELS.build(RESNET)
    rough.final_layer = nn.Conv2d(CHANNELS, JOINTS, 1)
    places = 9 * JOINTS
    modules = nn.ModuleDict(dict(
        rough_pose_estimation_net=rough,
        diff_temporal_fuse=chain(4 * JOINTS, 12, 2), support_temporal_fuse=chain(3 * JOINTS, JOINTS, 1),
        offset_mask_combine_conv=chain(12 + JOINTS, 16, 2),
        offsets_list=nn.ModuleList(nn.Sequential(nn.Conv2d(16, 2 * places, 3, 1, d, d, bias=False))
                                   for d in DILATIONS),
        masks_list=nn.ModuleList(
            nn.Sequential(nn.Conv2d(16, places, 3, 1, d, d, bias=False)) for d in DILATIONS),
        modulated_deform_conv_list=nn.ModuleList(
            nn.ModuleDict(dict(deform_conv=nn.Conv2d(JOINTS, JOINTS, 3))) for _ in DILATIONS)))
    for name, buffer in modules.named_buffers():
        if name.endswith('running_var'):
            buffer.data = 0.5 + torch.rand_like(buffer)
    return modules.eval()


def run_chain(modules, x):
    """A chain of residual steps blocks, each sum written out."""
    for part in modules['layers']:
        def conv(name, value, part=part):
            return part[f'conv_bn_relu2_{name}'](value).relu()
        one, two, three, four = part['conv_bn_relu1'](x).relu().chunk(4, 1)
        a1 = conv('1_1', one)
        b1 = conv('2_1', two + a1)
        b2 = conv('2_2', b1)
        c1 = conv('3_1', three + b1)
        c2 = conv('3_2', c1 + b2)
        c3 = conv('3_3', c2)
        d1 = conv('4_1', four + c1)
        d2 = conv('4_2', d1 + c2)
        d3 = conv('4_3', d2 + c3)
        d4 = conv('4_4', d3)
        shortcut = part['downsample'](x) if 'downsample' in part else x
        x = (part['conv_bn_relu3'](torch.cat((a1, b2, c3, d4), 1)) + shortcut).relu()
    return x


def plain(modules, images, left, right):
    """The method written down joint by joint; ``left`` and ``right`` are the distances of the frames."""
    rough = modules['rough_pose_estimation_net']
    before, now, after = (rough.final_layer(rough(images[:, i])[0]) for i in range(3))
    before_weight, after_weight = right / (left + right), left / (left + right)
    residuals, others = [], []
    for k in range(JOINTS):
        p, c, n = before[:, k], now[:, k], after[:, k]
        residuals += [c - p, (c - p) * before_weight, c - n, (c - n) * after_weight]
        others += [c, p * before_weight, n * after_weight]
    residuals = run_chain(modules['diff_temporal_fuse'], torch.stack(residuals, 1))
    merged = run_chain(modules['support_temporal_fuse'], torch.stack(others, 1))
    features = run_chain(modules['offset_mask_combine_conv'], torch.cat((residuals, merged), 1))
    out = 0
    for i, dilation in enumerate(DILATIONS):
        conv = modules['modulated_deform_conv_list'][i]['deform_conv']
        out = out + deform_conv2d(
            merged, modules['offsets_list'][i](features), conv.weight, conv.bias, padding=dilation,
            dilation=dilation, mask=modules['masks_list'][i](features)) / len(DILATIONS)
    return out


def estimator(found, **changes):
    neck = {key: found[key] for key in ('in_channels', 'num_keypoints', 'residual_channels', 'residual_depth',
                                        'merger_depth', 'embed_dims', 'depth')}
    return MODELS.build(dict(
        type='mmpose_gss.VideoTopdownPoseEstimator',
        backbone=dict(type='mmpose_gss.DeconvEncoder', backbone=RESNET),
        neck=dict(
            type='mmpose_gss.DCPoseNeck', dilations=DILATIONS, **neck, **changes,
            rough_head=dict(type='mmpose.HeatmapHead', in_channels=CHANNELS, out_channels=JOINTS,
                            deconv_out_channels=None)),
        head=dict(type='mmpose_gss.TemporalHeatmapHead', in_channels=JOINTS, out_channels=JOINTS,
                  final_layer=None))).eval()


@pytest.mark.parametrize('left, right', [(1, 1), (1, 3)])
def test_converted_checkpoint_gives_the_plain_result(left, right):
    modules = official_modules()
    state, found = convert(dict(state_dict={f'module.{k}': v for k, v in modules.state_dict().items()}))
    assert found == dict(in_channels=CHANNELS, num_keypoints=JOINTS, num_dilations=2, residual_channels=12,
                         residual_depth=2, merger_depth=1, embed_dims=16, depth=2)
    model = estimator(found)
    model.load_state_dict(state)
    images = torch.randn(2, 3, 3, 64, 48)
    with torch.no_grad():
        expected = plain(modules, images, left, right)
        out = model.head(model.extract_feat(images, ClipWindow((-left, 0, right))))
    assert (out - expected).norm() / expected.norm() < 1e-5
    assert sum(p.numel() for p in model.parameters()) == sum(p.numel() for p in modules.parameters())


@pytest.mark.parametrize('change, message', [
    (lambda s: s.update({'extra.weight': torch.ones(1)}), '1 entries are none of DCPose: extra.weight'),
    (lambda s: s.pop('masks_list.1.0.weight'), "no entry 'masks_list.1.0.weight'"),
])
def test_other_checkpoints_are_refused(change, message):
    state = official_modules().state_dict()
    change(state)
    with pytest.raises(UserError, match=message):
        convert(dict(state_dict=state))


def test_nearer_frames_count_more():
    assert DCPoseNeck.frame_weights(ClipWindow((-1, 0, 1))) == (0.5, 0.5)
    assert DCPoseNeck.frame_weights(ClipWindow((-1, 0, 3))) == (0.75, 0.25)
    for window in (ClipWindow((-2, -1, 0, 1, 2)), ClipWindow((0, 1, 2))):
        with pytest.raises(UserError, match='three frames with the key frame in the middle'):
            DCPoseNeck.frame_weights(window)


@pytest.mark.parametrize('freeze', [True, False])
def test_rough_head_is_frozen_or_has_a_loss(freeze):
    found = convert(dict(state_dict=official_modules().state_dict()))[1]
    model = estimator(found, freeze_rough_head=freeze).train()
    sample = PoseDataSample()
    sample.gt_instance_labels = InstanceData(keypoint_weights=torch.ones(1, JOINTS))
    sample.gt_fields = PixelData(heatmaps=torch.rand(JOINTS, 16, 12))
    feats = ClipFeatures([torch.randn(1, 3, CHANNELS, 16, 12)], None, ClipWindow((-1, 0, 1)))
    _, losses = model.neck.loss(feats, [sample])
    assert model.neck.rough_head.training is not freeze
    assert list(losses) == ([] if freeze else ['loss_rough_kpt'])
    assert all(p.requires_grad is not freeze for p in model.neck.rough_head.parameters())
    if not freeze:
        losses['loss_rough_kpt'].backward()
        assert all(p.grad is not None for p in model.neck.rough_head.parameters())
