"""The SDTC neck: losses only where masked, mask-free deterministic inference, training forms, export."""
import pytest
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.structures import PoseDataSample

from mmpose_gss.errors import UserError
from mmpose_gss.models.clip_features import ClipFeatures
from mmpose_gss.models.sdtc.masking import masked_region
from mmpose_gss.models.sdtc.reconstruction import context_loss, pose_loss, pose_targets
from mmpose_gss.registry import MODELS
from mmpose_gss.structures.clip_window import ClipWindow

B, T, C, D, K, H, W = 2, 5, 12, 16, 17, 6, 4

FLOW = dict(type='flow')
SWITCHES = dict(
    default={},
    patch_level=dict(motion=dict(levels=('patch', ))),
    plain=dict(motion=dict(type='plain', depth=2), reconstruction=None),
    flow=dict(motion=FLOW, mutual=dict(refine=False, propagate=False, fusion='add'), reconstruction=None),
    flow_conv=dict(
        motion=FLOW, mutual=dict(refine=False, propagate=False, fusion='conv'), reconstruction=None),
    add=dict(mutual=dict(refine=False, propagate=False, fusion='add')),
    conv=dict(mutual=dict(refine=False, propagate=False, fusion='conv')),
    refine=dict(mutual=dict(propagate=False, fusion='add')),
    propagate=dict(mutual=dict(fusion='add')),
    no_encodings=dict(encoding=dict(spatial=False, temporal=False)),
    spatial_only=dict(encoding=dict(temporal=False)),
    ratio_25=dict(motion=dict(mask_ratio=0.25)),
    ratio_75=dict(motion=dict(mask_ratio=0.75, mask_patch=2)),
    either=dict(reconstruction=dict(region='either', source='frame', pose_target='sequence')),
    bare_tokens=dict(motion=dict(encode_masked=False)),
    equal_width=dict(in_channels=D),
    checkpointed=dict(motion=dict(with_cp=True)),
    strided=dict(token_stride=2),
    strided_flow=dict(motion=FLOW, reconstruction=None, token_stride=2),
    context_norm=dict(mutual=dict(context_norm=True)),
    skip=dict(skip='key'),
    window_skip=dict(skip='window', token_stride=2),
)


def build(seed=0, **switches):
    torch.manual_seed(seed)
    cfg = {**dict(type='mmpose_gss.SDTCNeck', in_channels=C, embed_dims=D, num_frames=T), **switches}
    if cfg.get('motion') != FLOW:
        cfg['motion'] = {'num_heads': 2, **cfg.get('motion', {})}
    if cfg.get('reconstruction', {}) is not None:
        cfg['reconstruction'] = {'num_heads': 2, 'num_keypoints': K, **cfg.get('reconstruction', {})}
    return MODELS.build(cfg)


def features(neck, batch=B):
    return torch.randn(batch, neck.num_frames, neck.in_channels, H, W)


def clip(maps):
    """Features with images, as flow wants them."""
    batch, frames = maps.shape[:2]
    return ClipFeatures([maps], torch.rand(batch, frames, 3, 4 * H, 4 * W), ClipWindow.centred(frames))


class OnMaps(torch.nn.Module):
    """A neck as a function of maps alone, which an export takes."""

    def __init__(self, neck):
        super().__init__()
        self.neck = neck

    def forward(self, maps):
        return self.neck(ClipFeatures([maps], None, ClipWindow.centred(maps.shape[1])))[0]


def samples(batch=B, size=(H, W), frames=T):
    out = []
    for _ in range(batch):
        sample = PoseDataSample()
        weights = (torch.rand(1, K) > 0.2).float()
        sample.gt_instance_labels = InstanceData(
            keypoint_weights=weights, clip_keypoint_weights=weights.repeat(1, frames))
        sample.gt_fields = PixelData(heatmaps=torch.rand(K, *size))
        sample.gt_fields.set_field(torch.rand(frames * K, *size), 'clip_heatmaps')
        out.append(sample)
    return out


@pytest.mark.parametrize('name', SWITCHES)
def test_every_switch_trains_every_parameter(name):
    neck = build(**SWITCHES[name]).train()
    (fused, ), losses = neck.loss(clip(features(neck)), samples())
    corrects = neck.skip is not None
    size = (H, W) if corrects else (H // neck.token_stride, W // neck.token_stride)
    assert fused.shape == (B, C if corrects else D, *size)
    assert set(losses) == ({'loss_context', 'loss_pose_recon'} if neck.reconstruction else set())
    (fused.square().mean() + sum(losses.values())).backward()
    missing = [key for key, p in neck.named_parameters() if p.grad is None]
    assert not missing                                              # so two processes need no unused search
    assert neck.eval()(clip(features(neck)))[0].shape == fused.shape


@pytest.mark.parametrize('skip', ['key', 'window'])
def test_with_a_skip_training_starts_from_the_single_frame(skip):
    neck = build(skip=skip, token_stride=2).eval()
    maps = features(neck)
    torch.testing.assert_close(neck(clip(maps))[0], maps[:, T // 2])
    (neck(clip(maps))[0] * torch.randn(B, C, H, W)).sum().backward()
    assert neck.expand.weight.grad.any()
    if skip == 'window':
        assert neck.skip.gather.weight.grad.view(C, T, C).any(dim=2).all()


def test_unknown_skip():
    with pytest.raises(UserError, match="skip must be one of .*'all'"):
        build(skip='all')


def test_inference_is_deterministic_and_free_of_masks(monkeypatch):
    neck = build()
    feats = clip(features(neck))
    neck.loss(feats, samples())
    neck.eval()

    def no_masks(*args, **kwargs):
        raise AssertionError('masks drawn in inference')
    monkeypatch.setattr(neck.motion_encoder, 'draw_masks', no_masks)
    torch.manual_seed(1)
    first, = neck(feats)
    torch.manual_seed(2)
    assert torch.equal(first, neck(feats)[0])
    (fused, ), losses = neck.loss(feats, samples())                 # nor is a validation loss masked
    assert torch.equal(first, fused) and losses == {}
    with torch.no_grad():                                           # the learnable tokens have no say
        neck.motion_encoder.patch_token.add_(1)
        neck.motion_encoder.frame_token.add_(1)
    assert torch.equal(first, neck(feats)[0])
    neck.train()(feats)                                             # forward masks nothing in any mode


@pytest.mark.parametrize('region_name', ['both', 'either'])
@pytest.mark.parametrize('kind', ['key', 'sequence'])
def test_losses_have_exactly_zero_gradient_outside_the_region(region_name, kind):
    neck = build(reconstruction=dict(region=region_name, pose_target=kind))
    tokens = neck.tokens(clip(features(neck)))
    masks = neck.motion_encoder.draw_masks(tokens, torch.Generator().manual_seed(4))
    masks.frame[0] = torch.tensor([True, False, True, False, False])           # the key frame counts
    region = masked_region(masks, T, H * W, region_name)
    context = torch.randn(B, T, H * W, C, requires_grad=True)
    pose = torch.randn(B, T, H * W, K, requires_grad=True)
    batch = samples()
    target, weights = pose_targets(batch, kind, T, 2, (H, W), 'cpu')
    (context_loss(context, torch.randn(B, T, H * W, C), region)
     + pose_loss(pose, target, weights, region)).backward()
    assert (context.grad[~region] == 0).all() and (context.grad[region] != 0).all()
    counted = region[..., None] & (weights > 0)[:, :, None]
    assert (pose.grad[~counted] == 0).all() and (pose.grad[counted] != 0).all() and counted.any()


def test_losses_are_equation_15():
    neck = build(reconstruction=dict(context_weight=0.1)).train()
    feats, batch = features(neck), samples()
    tokens = neck.tokens(clip(feats))
    masks = neck.motion_encoder.draw_masks(tokens)
    masks.frame[:, 2] = True
    motion = neck.motion_encoder(tokens, masks)
    losses = neck.reconstruction.loss(tokens, motion, masks, batch, 2)
    context, pose = neck.reconstruction.decoder(motion.hybrid)
    absolute, squared, places, pose_places = 0., 0., 0, 0
    for b in range(B):
        for t in range(T):
            for p in range(H * W):
                if masks.tube[b, p] and masks.frame[b, t]:
                    y, x = divmod(p, W)
                    absolute += (context[b, t, p] - feats[b, t, :, y, x]).abs().sum()
                    places += C
                    if t == 2:
                        weight = batch[b].gt_instance_labels.keypoint_weights[0]
                        squared += (weight * (pose[b, t, p] - batch[b].gt_fields.heatmaps[:, y, x])**2).sum()
                        pose_places += K
    torch.testing.assert_close(losses['loss_context'], 0.1 * absolute / places)
    torch.testing.assert_close(losses['loss_pose_recon'], squared / pose_places)


def test_sequence_targets_leave_out_frames_without_annotation():
    batch = samples(1)
    weights = batch[0].gt_instance_labels.clip_keypoint_weights.view(1, T, K).clone()
    weights[:, 0] = 0
    batch[0].gt_instance_labels.clip_keypoint_weights = weights.view(1, -1)
    target, weights = pose_targets(batch, 'sequence', T, 2, (H, W), 'cpu')
    prediction = torch.zeros_like(target)
    region = torch.ones(1, T, H * W, dtype=torch.bool)
    expected = (target[:, 1:].square() * weights[:, 1:, None]).mean()
    torch.testing.assert_close(pose_loss(prediction, target, weights, region), expected)
    maps = batch[0].gt_fields.clip_heatmaps.view(T, K, H * W).transpose(1, 2)
    assert torch.equal(target[0], maps)


def test_targets_of_another_size_are_resized():
    batch = samples(1, size=(4 * H, 4 * W))
    target, _ = pose_targets(batch, 'key', T, 2, (H, W), 'cpu')
    assert target.shape == (1, T, H * W, K) and (target[:, [0, 1, 3, 4]] == 0).all()


def test_features_of_the_encoder_are_a_fixed_target():
    neck = build().train()
    feats = features(neck).requires_grad_()
    tokens = neck.tokens(clip(feats))
    masks = neck.motion_encoder.draw_masks(tokens)
    motion = neck.motion_encoder(tokens, masks)
    context, _ = neck.reconstruction.decoder(motion.hybrid.detach())
    context_loss(context, tokens.features, masked_region(masks, T, H * W, 'both')).backward()
    assert feats.grad is None


def test_support_frames_matter():
    neck = build().eval()
    feats = features(neck)
    other = feats.clone()
    other[:, [0, 1, 3, 4]] = torch.randn(B, 4, C, H, W)
    assert not torch.allclose(neck(clip(feats))[0], neck(clip(other))[0], atol=1e-4)


@pytest.mark.parametrize('frames', [1, 3, 7])
def test_other_windows(frames):
    neck = build(num_frames=frames).train()
    (fused, ), losses = neck.loss(clip(features(neck)), samples(frames=frames))
    assert fused.shape == (B, D, H, W) and all(value.isfinite() for value in losses.values())


def test_mixed_precision():
    neck = build().train()
    optimizer = torch.optim.AdamW(neck.parameters(), 1e-3)
    feats, batch = features(neck), samples()
    for _ in range(3):
        with torch.autocast('cpu', dtype=torch.bfloat16):
            (fused, ), losses = neck.loss(clip(feats), batch)
            total = fused.float().square().mean() + sum(losses.values())
        optimizer.zero_grad()
        total.backward()
        assert all(p.grad.isfinite().all() for p in neck.parameters())
        optimizer.step()
    assert losses['loss_context'].dtype == torch.float32 and total.isfinite()


def test_losses_fall():
    neck = build(reconstruction=dict(region='either', pose_target='sequence', context_weight=1.)).train()
    optimizer = torch.optim.AdamW(neck.parameters(), 1e-2)
    feats, batch = 0.2 * features(neck) + torch.randn(C, 1, 1), samples()
    trace = []
    for _ in range(40):
        _, losses = neck.loss(clip(feats), batch)
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
        trace.append([losses[key].item() for key in ('loss_context', 'loss_pose_recon')])
    trace = torch.tensor(trace)
    assert (trace[-10:].mean(0) < 0.8 * trace[:3].mean(0)).all(), trace[[0, -1]]


@pytest.mark.parametrize('name', ['default', 'patch_level', 'plain', 'propagate'])
def test_export_holds_no_part_of_the_losses(name):
    neck = build(**SWITCHES[name]).eval()
    feats = features(neck, 1)
    expected, = neck(clip(feats))
    exported = torch.export.export(OnMaps(neck), (feats, ))
    used = {node.name for node in exported.graph.nodes if node.op == 'placeholder' and node.users}
    signature = exported.graph_signature.inputs_to_parameters
    alive = {signature[name].removeprefix('neck.') for name in used if name in signature}
    training_only = {key for key, _ in neck.named_parameters() if 'decoder' in key or key.endswith('_token')}
    assert bool(training_only) == (neck.reconstruction is not None)
    assert alive == {key for key, _ in neck.named_parameters()} - training_only
    neck.switch_to_deploy()
    exported = torch.export.export(OnMaps(neck), (feats, ))
    assert set(exported.graph_signature.inputs_to_parameters.values()) == {f'neck.{key}' for key in alive}
    assert not any('rand' in str(node.target) for node in exported.graph.nodes)
    torch.testing.assert_close(exported.module()(feats), expected)
    neck.train()
    assert neck.loss(clip(feats), samples(1))[1] == {}


@pytest.mark.parametrize('switches,words', [
    (dict(motion=dict(type='optical')), "motion.type must be one of .*'optical'"),
    (dict(reconstruction=dict(source='x')), 'reconstruction.source'),
    (dict(reconstruction=dict(region='x')), 'reconstruction.region'),
    (dict(reconstruction=dict(pose_target='x')), 'reconstruction.pose_target'),
    (dict(motion=dict(levels=('frame', ))), 'levels'),
    (dict(motion=dict(mask_ratio=1.0)), 'mask_ratio'), (dict(motion=dict(num_heads=3)), 'num_heads'),
    (dict(reconstruction=dict(source='frame'), motion=dict(levels=('patch', ))), "source='frame' is nothing"),
    (dict(motion=dict(type='plain')), 'it masks nothing.*reconstruction=None'),
])
def test_wrong_switches(switches, words):
    with pytest.raises(UserError, match=words):
        build(**switches)


def test_width_must_fit_the_encoding():
    with pytest.raises(UserError, match='multiple of 4'):
        MODELS.build(dict(type='mmpose_gss.SDTCNeck', in_channels=C, embed_dims=18))


def test_wrong_input():
    neck = build()
    for shape in [(B, 3, C, H, W), (B, T, C + 1, H, W), (B * T, C, H, W)]:
        with pytest.raises(ValueError, match='num_frames and in_channels'):
            neck(ClipFeatures([torch.randn(shape)], None, ClipWindow.centred(shape[1])))
    off_centre = ClipFeatures([torch.randn(B, T, C, H, W)], None, ClipWindow.around(4, T))
    with pytest.raises(UserError, match='key frame at 2, but got one at 4'):
        neck(off_centre)
    assert build(key_index=4)(off_centre)[0].shape == (B, D, H, W)
    flow = build(motion=FLOW, reconstruction=None)
    with pytest.raises(UserError, match='needs the images'):
        flow(ClipFeatures([torch.randn(B, T, C, H, W)], None, ClipWindow.centred(T)))
    for kind, name in [('key', 'gt_fields.heatmaps'), ('sequence', 'gt_fields.clip_heatmaps')]:
        with pytest.raises(UserError, match=name):
            neck = build(reconstruction=dict(pose_target=kind)).train()
            neck.loss(clip(torch.randn(B, T, C, H, W)), [PoseDataSample()] * B)
