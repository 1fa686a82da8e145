"""The encoder of single frames."""
import pytest
import torch
from mmpose.models.heads import HeatmapHead

from mmpose_gss.models.deconv_encoder import DeconvEncoder
from mmpose_gss.registry import MODELS

VIT = dict(type='mmpretrain.VisionTransformer',
           arch=dict(embed_dims=24, num_layers=1, num_heads=2, feedforward_channels=48), img_size=(64, 48),
           patch_size=16, qkv_bias=True, with_cls_token=False, out_type='featmap', patch_cfg=dict(padding=2))
DECONV = dict(in_channels=24, out_channels=(16, 8), kernel_sizes=(4, 4))


def encoder(deconv=DECONV, **kwargs) -> DeconvEncoder:
    torch.manual_seed(0)
    return MODELS.build(dict(type='mmpose_gss.DeconvEncoder', backbone=VIT, deconv=deconv, **kwargs)).eval()


@torch.no_grad()
def test_deconvolutions_equal_those_of_mmposes_head():
    model, images = encoder(), torch.randn(2, 3, 64, 48)
    head = HeatmapHead(24, 3, deconv_out_channels=(16, 8), deconv_kernel_sizes=(4, 4)).eval()
    head.deconv_layers.load_state_dict(model.deconv_layers.state_dict())
    found, = model(images)
    assert found.shape == (2, 8, 16, 12)
    torch.testing.assert_close(found, head.deconv_layers(model.backbone(images)[-1]))


@torch.no_grad()
@pytest.mark.parametrize('kernel', [2, 3, 4])
def test_every_kernel_doubles_the_size(kernel):
    model = encoder(dict(in_channels=24, out_channels=(8, ), kernel_sizes=(kernel, )))
    assert model(torch.randn(1, 3, 64, 48))[0].shape == (1, 8, 8, 6)


@torch.no_grad()
def test_without_deconvolutions_the_backbones_features_are_handed_on():
    model, images = encoder(None), torch.randn(1, 3, 64, 48)
    torch.testing.assert_close(model(images)[0], model.backbone(images)[-1])


@torch.no_grad()
def test_larger_input_than_the_position_embedding():
    assert encoder()(torch.randn(1, 3, 96, 80))[0].shape == (1, 8, 24, 20)


@pytest.mark.parametrize('deconv, message', [
    (dict(in_channels=24, out_channels=(8, ), kernel_sizes=(5, )), 'kernel_sizes'),
    (dict(in_channels=24, out_channels=(8, 8), kernel_sizes=(4, )), 'same length')])
def test_bad_deconvolutions_are_named(deconv, message):
    with pytest.raises(ValueError, match=message):
        encoder(deconv)


def test_checkpoint_is_loaded_completely_or_refused(tmp_path):
    source, path = encoder(), tmp_path / 'encoder.pth'
    torch.save(dict(state_dict=source.state_dict()), path)
    init_cfg = dict(type='Pretrained', checkpoint=str(path))

    def loaded(**kwargs):
        model = encoder(init_cfg=init_cfg, **kwargs)
        for param in model.parameters():
            param.data.zero_()
        model.init_weights()
        return model.state_dict()
    for key, value in loaded().items():
        torch.testing.assert_close(value, source.state_dict()[key])
    for key, value in loaded(deconv=None).items():  # takes what it has
        torch.testing.assert_close(value, source.state_dict()[key])

    broken = {key: value for key, value in source.state_dict().items() if 'layers.0.ln1' not in key}
    torch.save(dict(state_dict=broken), path)
    with pytest.raises(ValueError, match='vitpose.py'):
        loaded()
    path.unlink()
    with pytest.raises(FileNotFoundError, match='encoder.pth.*vitpose.py'):
        loaded()


def test_checkpoint_of_a_whole_estimator(tmp_path):
    source, path = encoder(), tmp_path / 'estimator.pth'
    state = {f'backbone.{key}': value for key, value in source.state_dict().items()}
    torch.save(dict(state_dict={**state, 'head.final_layer.weight': torch.zeros(1)}), path)
    model = encoder(init_cfg=dict(type='Pretrained', checkpoint=str(path), prefix='backbone.'))
    model.deconv_layers[0].weight.data.zero_()
    model.init_weights()
    torch.testing.assert_close(model.deconv_layers[0].weight, source.deconv_layers[0].weight)


def test_frozen_in_the_estimator():
    model = MODELS.build(dict(
        type='mmpose_gss.VideoTopdownPoseEstimator', backbone=dict(
            type='mmpose_gss.DeconvEncoder', backbone=VIT, deconv=DECONV),
        neck=dict(type='mmpose_gss.GLSMambaNeck', in_channels=8, embed_dims=8, num_frames=3, num_global=1,
                  num_local=1, scan=dict(d_state=2, dt_rank=2)),
        head=dict(type='mmpose_gss.TemporalHeatmapHead', in_channels=8, out_channels=3))).train()
    assert model.neck.training
    assert not model.backbone.training and not model.backbone.deconv_layers[1].training
    before = {key: value.clone() for key, value in model.backbone.state_dict().items()}
    from mmengine.optim import build_optim_wrapper
    wrapper = build_optim_wrapper(model, dict(
        constructor='mmpose_gss.TrainableOptimWrapperConstructor', optimizer=dict(type='AdamW', lr=0.1)))
    optimised = {id(param) for group in wrapper.optimizer.param_groups for param in group['params']}
    assert not optimised & {id(param) for param in model.backbone.parameters()}
    assert optimised == {id(param) for part in (model.neck, model.head) for param in part.parameters()}
    feats = model.encode(torch.randn(1, 3, 3, 64, 48))
    assert not feats.maps[0].requires_grad
    model.head(model.neck(feats)).square().sum().backward()
    wrapper.optimizer.step()
    for key, value in model.backbone.state_dict().items():
        torch.testing.assert_close(value, before[key], rtol=0, atol=0)
