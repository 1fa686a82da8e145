"""Every shipped config builds and runs forward and backward, shrunk; every metafile entry is true."""
import inspect
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from mmengine.config import Config, ConfigDict
from mmengine.dataset import Compose
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData, PixelData
from mmpose.registry import METRICS, MODELS
from mmpose.structures import PoseDataSample

import mmpose_gss.engine  # noqa: F401

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = sorted(p for p in (ROOT / 'configs').rglob('*.py') if '_base_' not in p.parts)
VIDEO_2D = [p for p in CONFIGS if 'body_2d_keypoint' in p.parts]
LIFTING = [p for p in CONFIGS if 'body_3d_keypoint' in p.parts]
DETECTION = [p for p in CONFIGS if 'person_detection' in p.parts]
METAFILES = sorted((ROOT / 'configs').rglob('metafile.yml'))

TINY_VIT = dict(embed_dims=16, num_layers=1, num_heads=2, feedforward_channels=32)
SIZE, MAP = (48, 64), (12, 16)  # width, height


def name(path):
    return path.stem


#: Necks whose result has as many channels as the encoder's.
SAME_CHANNELS = ('mmpose_gss.ConcatConvNeck', 'mmpose_gss.JointAttentionNeck', 'mmpose_gss.PoseidonNeck')


def without_files(cfg):
    """A config that loads no checkpoint."""
    if isinstance(cfg, dict):
        return type(cfg)({key: without_files(value) for key, value in cfg.items()
                          if not (key == 'init_cfg' and value and value.get('type') == 'Pretrained')})
    return cfg


def shrink_encoder(encoder: ConfigDict) -> int:
    """Cut the encoder and tell its channels."""
    inner = encoder.backbone
    channels = encoder.deconv.out_channels[-1] if encoder.get('deconv') else 16
    if inner.type.endswith('VisionTransformer'):
        depths = len(inner.get('out_indices', (-1, )))
        inner.arch = dict(TINY_VIT, num_layers=depths)
        if depths > 1:
            inner.out_indices = tuple(range(depths))
        inner.img_size = SIZE[::-1]
        if encoder.get('deconv'):
            encoder.deconv.update(in_channels=16, out_channels=(8, 8))
            channels = 8
    elif inner.type == 'HRNet':  # needs more pixels than the shrunk crop has
        encoder.backbone = ConfigDict(
            type='ResNet', depth=18, base_channels=16, stem_channels=16, out_indices=(0, ))
    return channels


def shrink(model: ConfigDict) -> None:
    """Cut widths and depths; what is being tested is the wiring."""
    channels = shrink_encoder(model.backbone)
    neck, head = model.get('neck'), model.head
    if neck is not None:
        neck.in_channels = channels
        for part in ('heatmap_head', 'rough_head'):
            if part in neck:
                neck[part].in_channels = channels
                if neck[part].get('deconv_out_channels'):
                    neck[part].deconv_out_channels = (8, ) * len(neck[part].deconv_out_channels)
        if neck.type not in SAME_CHANNELS and 'embed_dims' in inspect.signature(MODELS.get(neck.type)).parameters:
            neck.embed_dims = channels = 16
        for key in ('num_global', 'num_local', 'depth', 'num_layers'):
            if neck.get(key, 0) > 1:
                neck[key] = 1
        if 'window' in neck:
            neck.window = (4, 3)
        if neck.get('norm_map_size'):
            neck.norm_map_size = (SIZE[1] // 16, SIZE[0] // 16)
    if head.get('final_layer', head):  # one without passes on the neck's heatmaps
        head.in_channels = channels
    if head.get('deconv_out_channels'):
        head.deconv_out_channels = (8, ) * len(head.deconv_out_channels)
    head.decoder.update(input_size=SIZE, heatmap_size=MAP)


def data_samples(frames: int, joints: int, flow: bool):
    samples = []
    for _ in range(2):
        sample = PoseDataSample(metainfo=dict(
            key_index=frames // 2, input_size=SIZE, input_center=np.array([24., 32.]),
            input_scale=np.array([48., 64.]), flip_indices=list(range(joints))))
        sample.gt_instances = InstanceData(bboxes=np.array([[0, 0, 48, 64.]]), bbox_scores=np.ones(1))
        sample.gt_instance_labels = InstanceData(keypoint_weights=torch.ones(1, joints))
        sample.gt_fields = PixelData(heatmaps=torch.rand(joints, *MAP[::-1]))
        if flow:
            sample.gt_fields.flow = torch.rand(2 * (frames - 1), *MAP[::-1])
        samples.append(sample)
    return samples


def frame_offsets(cfg: Config):
    dataset = cfg.train_dataloader.dataset
    while 'frame_offsets' not in dataset and 'dataset' in dataset:
        dataset = dataset.dataset
    return dataset.get('frame_offsets', (-2, -1, 0, 1, 2))


def test_basenames_are_unique():
    assert len({p.name for p in CONFIGS}) == len(CONFIGS) > 10


@pytest.mark.parametrize('path', VIDEO_2D, ids=name)
def test_video_config_runs(path):
    cfg = Config.fromfile(str(path))
    init_default_scope(cfg.default_scope)
    assert cfg.data_mode == 'topdown'  # MMPose's inferencers ask for it
    cfg.model = without_files(cfg.model)
    shrink(cfg.model)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    frames, joints = len(frame_offsets(cfg)), cfg.model.head.out_channels
    assert cfg.model.get('neck', {}).get('num_frames', frames) == frames
    data = dict(inputs=torch.randint(0, 255, (2, frames, 3, SIZE[1], SIZE[0]), dtype=torch.uint8),
                data_samples=data_samples(frames, joints, 'optical' in path.stem))
    model.train()
    logs = model.train_step(data, wrapper)
    assert np.isfinite(logs['loss'].item())
    trained = [n for n, p in model.named_parameters() if p.requires_grad]
    assert trained and all(torch.isfinite(p).all() for p in model.parameters())
    model.eval()
    with torch.no_grad():
        result = model.test_step(data)[0]
    assert result.pred_instances.keypoints.shape == (1, joints, 2)


@pytest.mark.parametrize('path', VIDEO_2D, ids=name)
def test_video_pipelines_and_metrics_build(path):
    cfg = Config.fromfile(str(path))
    init_default_scope(cfg.default_scope)
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        dataset = loader.dataset
        if 'pipeline' in dataset:
            Compose(dataset.pipeline)
        assert frame_offsets(cfg).count(0) == 1
    evaluators = cfg.test_evaluator if isinstance(cfg.test_evaluator, list) else [cfg.test_evaluator]
    for evaluator in evaluators:
        assert METRICS.get(evaluator['type']) is not None


@pytest.mark.parametrize('path', DETECTION, ids=name)
def test_detection_config_builds(path):
    cfg = Config.fromfile(str(path))
    init_default_scope('mmdet')
    assert sum(p.numel() for p in MODELS.build({**cfg.model, '_scope_': 'mmdet'}).parameters()) > 0


@pytest.mark.parametrize('path', LIFTING, ids=name)
def test_lifting_config_runs(path):
    cfg = Config.fromfile(str(path))
    init_default_scope(cfg.default_scope)
    cfg.model.backbone.update(depth=1)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    backbone = cfg.model.backbone
    x = torch.randn(2, 9, backbone.num_joints, backbone.get('in_channels', 2))
    out = model.head.forward(model.extract_feat(x))
    assert out.shape == (2, 9, backbone.num_joints, 3)
    out.square().mean().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())


@pytest.mark.parametrize('path', METAFILES, ids=lambda p: p.parent.name)
def test_metafile_is_true(path):
    meta = yaml.safe_load(path.read_text())
    models = meta['Models']
    assert models
    named = {Path(model['Config']).resolve() for model in models}
    for model in models:
        config = ROOT / model['Config']
        assert config.is_file(), f'{path}: {model["Config"]} does not exist'
        assert model['Name'] == config.stem
        assert config.is_relative_to(path.parent)
        assert model['In Collection'] in {c['Name'] for c in meta['Collections']}
    assert len(named) == len(models)


def test_model_index_names_all_metafiles():
    index = yaml.safe_load((ROOT / 'model-index.yml').read_text())
    assert {ROOT / entry for entry in index['Import']} == set(METAFILES)
