"""The estimator, its preprocessor and its head."""
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.structures import InstanceData, PixelData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from mmpose_gss.errors import UserError
from mmpose_gss.models import ClipDataPreprocessor
from mmpose_gss.models.base_neck import BaseVideoNeck
from mmpose_gss.models.clip_features import ClipFeatures
from mmpose_gss.models.video_topdown import window_of
from mmpose_gss.registry import MODELS as OWN_MODELS
from mmpose_gss.structures.clip_window import ClipWindow


@OWN_MODELS.register_module(force=True)
class MeanNeck(BaseVideoNeck):
    """Adds the mean of the window to the key frame and has a loss of its own."""

    def __init__(self, channels):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(channels, 1, 1))

    def forward(self, feats):
        frames = feats.maps[-1]
        return ((frames[:, feats.window.key_index] + frames.mean(1)) * self.scale, )

    def loss(self, feats, batch_data_samples):
        return self(feats), {'loss_neck': self.scale.square().sum()}


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


@pytest.mark.parametrize('neck', [True, False], ids=['neck', 'single frame'])
def test_stock_heatmap_head_serves_as_well(neck):
    """MMPose's own head: trained, flip-tested, and equal to ours with the same weights."""
    ours = build(neck=neck, test_cfg=dict(flip_test=True))
    head = dict(type='HeatmapHead', in_channels=8, out_channels=17, deconv_out_channels=None,
                final_layer=dict(kernel_size=3, padding=1), decoder=dict(
                    type='MSRAHeatmap', input_size=(48, 64), heatmap_size=(12, 16), sigma=2))
    stock = build(neck=neck, test_cfg=dict(flip_test=True))
    stock.head = MODELS.build(head)
    stock.head.load_state_dict(ours.head.state_dict())
    data = ours.data_preprocessor(dict(inputs=clips(2), data_samples=samples(2)))
    losses = [model.train()(**data, mode='loss') for model in (ours, stock)]
    assert torch.equal(losses[0]['loss_kpt'], losses[1]['loss_kpt'])
    stock.parse_losses(losses[1])[0].backward()
    with torch.no_grad():
        found = [model.eval().test_step(dict(inputs=clips(2), data_samples=samples(2)))
                 for model in (ours, stock)]
    for one, other in zip(*found):
        assert np.array_equal(one.pred_instances.keypoints, other.pred_instances.keypoints)


def test_encoder_gives_all_maps_images_and_the_window():
    model = build()
    model.backbone.out_indices = (0, 1, 3)
    inputs = torch.randn(2, 5, 3, 64, 48)
    window = ClipWindow((-4, -2, 0, 2, 4))
    feats = model.encode(inputs, window)
    assert isinstance(feats, ClipFeatures) and feats.window is window and feats.images is inputs
    assert [tuple(m.shape) for m in feats.maps] == [
        (2, 5, 8, 16, 12), (2, 5, 16, 8, 6), (2, 5, 64, 2, 2)]
    one = model.backbone(inputs[1, 3:4])
    for frames, alone in zip(feats.maps, one):
        torch.testing.assert_close(frames[1, 3], alone[0])


def test_window_comes_from_the_samples():
    def sample(**meta):
        return PoseDataSample(metainfo=meta)
    assert window_of([PoseDataSample()], 5) == ClipWindow.centred(5)
    assert window_of([sample(key_index=3)], 5) == ClipWindow((-3, -2, -1, 0, 1), 3)
    same = dict(key_index=2, frame_offsets=(-4, -2, 0, 2, 4))
    assert window_of([sample(**same)] * 2, 5).offsets == (-4, -2, 0, 2, 4)
    jittered = window_of([sample(**same), sample(key_index=2, frame_offsets=(-3, -2, 0, 2, 4))], 5)
    assert jittered == ClipWindow.centred(5)
    repeated = sample(key_index=2, frame_offsets=(-2, 0, 0, 1, 2))  # a frame was lost
    assert window_of([repeated], 5) == ClipWindow((-2, 0, 0, 1, 2), 2)
    with pytest.raises(UserError, match='outside the window'):
        window_of([sample(key_index=5)], 5)


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
                      if key.startswith('neck.reconstruction') or key.endswith('_token')}
    assert bool(unused) == (algorithm == 'SDTC')
