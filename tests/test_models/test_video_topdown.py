"""The estimator, its preprocessor and its head."""
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.structures import InstanceData, PixelData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from mmpose_gss.models import ClipDataPreprocessor
from mmpose_gss.models.base_neck import BaseVideoNeck
from mmpose_gss.registry import MODELS as OWN_MODELS


@OWN_MODELS.register_module(force=True)
class MeanNeck(BaseVideoNeck):
    """Adds the mean of the window to every frame and has a loss of its own."""

    def __init__(self, channels):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(channels, 1, 1))

    def forward(self, feats, key_index=None):
        return (feats + feats.mean(1, keepdim=True)) * self.scale

    def loss(self, feats, batch_data_samples, key_index=None):
        return self(feats, key_index), {'loss_neck': self.scale.square().sum()}


def build(neck=True, freeze=True, **kwargs):
    torch.manual_seed(0)
    return MODELS.build(dict(
        type='mmpose_gss.VideoTopdownPoseEstimator', freeze_backbone=freeze,
        data_preprocessor=dict(type='mmpose_gss.ClipDataPreprocessor', mean=[1., 2., 3.], std=[4., 5., 6.],
                               bgr_to_rgb=True),
        backbone=dict(type='ResNet', depth=18, base_channels=8, stem_channels=8, out_indices=(0, )),
        neck=dict(type='mmpose_gss.MeanNeck', channels=8) if neck else None,
        head=dict(type='mmpose_gss.TemporalHeatmapHead', in_channels=8, out_channels=17, decoder=dict(
            type='MSRAHeatmap', input_size=(48, 64), heatmap_size=(12, 16), sigma=2)), **kwargs))


def samples(count, key_index=2):
    out = []
    for _ in range(count):
        sample = PoseDataSample(metainfo=dict(
            key_index=key_index, input_size=(48, 64), input_center=np.array([24., 32.]),
            input_scale=np.array([48., 64.]), flip_indices=list(range(17))))
        sample.gt_instances = InstanceData(bboxes=np.array([[0, 0, 48, 64.]]), bbox_scores=np.ones(1))
        sample.gt_instance_labels = InstanceData(keypoint_weights=torch.ones(1, 17))
        sample.gt_fields = PixelData(heatmaps=torch.rand(17, 16, 12))
        out.append(sample)
    return out


def clips(count, frames=5):
    generator = torch.Generator().manual_seed(1)
    return [torch.randint(0, 255, (frames, 3, 64, 48), dtype=torch.uint8, generator=generator)
            for _ in range(count)]


def test_preprocessor_normalises_in_rgb():
    preprocessor = ClipDataPreprocessor(mean=[1., 2., 3.], std=[4., 5., 6.], bgr_to_rgb=True)
    windows = clips(2)
    out = preprocessor(dict(inputs=windows, data_samples=samples(2)))
    expected = torch.stack(windows)[:, :, [2, 1, 0]].float()
    mean, std = torch.tensor([1., 2., 3.]).view(3, 1, 1), torch.tensor([4., 5., 6.]).view(3, 1, 1)
    expected = (expected - mean) / std
    assert torch.equal(out['inputs'], expected)
    assert out['data_samples'][0].metainfo['batch_input_shape'] == (64, 48)


@pytest.mark.parametrize('bad, message', [
    ([torch.zeros(3, 64, 48)], r'shape \(3, 64, 48\), expected \(T, 3, H, W\)'),
    ([torch.zeros(5, 3, 64, 48), torch.zeros(3, 3, 64, 48)], 'differ in shape'),
])
def test_preprocessor_names_wrong_windows(bad, message):
    with pytest.raises(ValueError, match=message):
        ClipDataPreprocessor()(dict(inputs=bad, data_samples=None))


def test_frozen_backbone_has_no_gradient_and_stays_in_eval():
    model = build()
    model.train()
    assert not model.backbone.training and model.neck.training and model.head.training
    before = {key: value.clone() for key, value in model.backbone.state_dict().items()}
    data = model.data_preprocessor(dict(inputs=clips(2), data_samples=samples(2)))
    losses = model(**data, mode='loss')
    assert {'loss_kpt', 'loss_neck', 'acc_pose'} <= set(losses)
    (losses['loss_kpt'] + losses['loss_neck']).backward()
    assert all(p.grad is None and not p.requires_grad for p in model.backbone.parameters())
    assert all(p.grad is not None for p in [*model.neck.parameters(), *model.head.parameters()])
    assert all(torch.equal(value, before[key]) for key, value in model.backbone.state_dict().items())


def test_trained_backbone_gets_gradients():
    model = build(neck=False, freeze=False)
    model.train()
    assert model.backbone.training
    data = model.data_preprocessor(dict(inputs=clips(1), data_samples=samples(1)))
    model(**data, mode='loss')['loss_kpt'].backward()
    assert all(p.grad is not None for n, p in model.backbone.named_parameters() if n.startswith('layer1'))


@pytest.mark.parametrize('flip_test', [False, True])
def test_prediction_is_in_image_coordinates(flip_test):
    model = build(test_cfg=dict(flip_test=flip_test, output_heatmaps=True)).eval()
    with torch.no_grad():
        results = model.test_step(dict(inputs=clips(3), data_samples=samples(3)))
    assert len(results) == 3
    for result in results:
        keypoints = result.pred_instances.keypoints
        assert keypoints.shape == (1, 17, 2) and result.pred_fields.heatmaps.shape == (17, 16, 12)
        # MMPose's decoding puts a joint at heatmap pixel -1 (4 image pixels) where no value is positive.
        assert (keypoints >= -4).all() and (keypoints <= [[[48, 64]]]).all()


def test_key_frame_is_the_samples_own():
    model = build(neck=False).eval()
    window = clips(1)
    with torch.no_grad():
        first = model.test_step(dict(inputs=window, data_samples=samples(1, key_index=0)))[0]
        alone = model.test_step(dict(inputs=[window[0][:1]], data_samples=samples(1, key_index=0)))[0]
        middle = model.test_step(dict(inputs=window, data_samples=samples(1)))[0]
    assert np.allclose(first.pred_instances.keypoint_scores, alone.pred_instances.keypoint_scores)
    assert not np.allclose(first.pred_instances.keypoint_scores, middle.pred_instances.keypoint_scores)


def test_names_wrong_inputs():
    model = build()
    with pytest.raises(ValueError, match='ClipDataPreprocessor'):
        model.encode(torch.zeros(2, 3, 64, 48))
    mixed = [*samples(1, key_index=1), *samples(1, key_index=2)]
    with pytest.raises(ValueError, match='key frame at different places'):
        model(torch.zeros(2, 5, 3, 64, 48), mixed, mode='loss')


def test_tensor_mode_is_the_heatmaps():
    model = build().eval()
    with torch.no_grad():
        assert model(torch.zeros(2, 5, 3, 64, 48), None, mode='tensor').shape == (2, 17, 16, 12)


@pytest.mark.slow
@pytest.mark.parametrize('algorithm', ['GLSMamba', 'SDTC'])
def test_whole_estimator_is_exported_without_losses(root, algorithm):
    name = f'td-hm_{algorithm}-tiny_synthetic-posetrack-128x96.py'
    folder = root / 'configs/body_2d_keypoint' / algorithm.lower() / 'synthetic'
    cfg = Config.fromfile(str(folder / name)).model
    cfg.backbone.init_cfg = None
    model = MODELS.build(cfg).eval()
    inputs = torch.randn(1, model.neck.num_frames, 3, 128, 96)
    with torch.no_grad():
        heatmaps = model(inputs, None, mode='tensor')
        program = torch.export.export(model, (inputs, None), dict(mode='tensor'))
        torch.testing.assert_close(program.module()(inputs, None, mode='tensor'), heatmaps)
    used = {node.name for node in program.graph.nodes if node.op == 'placeholder' and node.users}
    parameters = program.graph_signature.inputs_to_parameters
    unused = {target for node, target in parameters.items() if node not in used}
    assert unused == {key for key, _ in model.named_parameters()
                      if key.startswith('neck.decoder') or key.endswith('_token')}
    assert bool(unused) == (algorithm == 'SDTC')
