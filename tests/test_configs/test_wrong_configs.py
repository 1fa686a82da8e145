"""A config that contradicts itself fails with one sentence, before a weight is loaded or a batch is drawn."""
import importlib.util
import pickle
import sys

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.runner import Runner as MMEngineRunner
from mmpose.registry import DATASETS, MODELS
from shipped_configs import CONFIGS, load, on_meta, unread_datasets
from torch import nn

from mmpose_gss.engine import Runner, check_wiring
from mmpose_gss.engine.shape_probe import ShapeProbe
from mmpose_gss.errors import UserError
from mmpose_gss.models import VideoTopdownPoseEstimator

GLSMAMBA = 'td-hm_GLSMamba-tiny_synthetic-posetrack-128x96'
SDTC = 'td-hm_SDTC-tiny_synthetic-posetrack-128x96'
LIFTING = 'posemamba-s-27frm_8xb4-120e_h36m'
PATHS = {path.stem: path for path in CONFIGS}
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')

#: Mistakes in a 2D config: changes by key, what the sentence must name.
CODEC = dict(type='mmpose.MSRAHeatmap', input_size=(96, 128), heatmap_size=(12, 16), sigma=1.5)
MISTAKES = {
    'in_channels of the neck': ({'model.neck.in_channels': 32}, 'model.neck.in_channels is 32.*64'),
    'in_channels of the head': ({'model.head.in_channels': 48}, 'model.head.in_channels is 48.*64'),
    'in_channels of the deconvolutions': (
        {'model.backbone.deconv.in_channels': 256}, 'deconv_layers.0 does not take.*256.*128'),
    'joints of the head': ({'model.head.out_channels': 15}, 'model.head.out_channels is 15.*17 joints'),
    "size of the head's codec": (
        {'model.head.decoder.heatmap_size': (48, 64)}, 'heatmap_size=24x32.*model.head.decoder has 48x64'),
    'size of the crops': (
        {'model.head.decoder.input_size': (192, 256)}, 'TopdownAffine.*96x128.*decoder has 192x256'),
    "size of every codec": (
        {'model.head.decoder': CODEC, 'train_dataloader.dataset.pipeline.5.encoder': CODEC},
        "heatmaps are 24x32.*heatmap_size of model.head.decoder is 12x16"),
    'kind of codec': (
        {'model.head.decoder': dict(CODEC, type='mmpose.UDPHeatmap', heatmap_size=(24, 32))},
        'MSRAHeatmap.*UDPHeatmap'),
    'frames of the neck': ({'model.neck.num_frames': 3}, 'makes 5 frames.*model.neck.num_frames is 3'),
    'frames of one data set': (
        {'val_dataloader.dataset.frame_offsets': (-1, 0, 1)},
        'val_dataloader.dataset.frame_offsets makes 3 frames.*LoadClip.*makes 5'),
    'frames of LoadClip': (
        {'train_dataloader.dataset.pipeline.0.num_frames': 7}, 'frame_offsets makes 5.*LoadClip.*makes 7'),
}
LIFTING_MISTAKES = {
    'in_channels of the head': ({'model.head.in_channels': 128}, 'does not take.*64'),
    'in_channels of the backbone': ({'model.backbone.in_channels': 3}, 'in_channels is 3.*2 channels'),
    'joints': ({'model.backbone.num_joints': 16, 'model.backbone.joint_parents': [0] * 16},
               'num_joints is 16.*17 joints'),
    'joints of the codec': ({'train_dataloader.dataset.pipeline.0.encoder.num_keypoints': 15},
                            'num_keypoints.*is 15.*17 joints'),
    'frames': ({'model.backbone.num_frames': 81}, 'dataset.num_frames makes 27.*num_frames is 81'),
    'root': ({'model.head.root_index': 14}, 'root_index is 14.*root_index=0'),
    'coordinates': ({'model.head.out_channels': 2}, r'\(1, 27, 17, 2\)'),
}


def one_sentence(error):
    text = str(error)
    assert '\n' not in text and '. ' not in text.rstrip('.') and 40 < len(text) < 500, text
    return text


def changed(cfg, changes):
    cfg.merge_from_dict(dict(changes))
    return cfg


def prepared(cfg, work_dir):
    """A config that starts at once: no worker processes, nothing pretrained."""
    for loader in LOADERS:
        cfg[loader].update(num_workers=0, persistent_workers=False)
    cfg.model.backbone.init_cfg = None
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = cfg.visualizer.name = f'wrong_{np.random.randint(1 << 30)}'
    return cfg


@pytest.fixture
def no_batch(monkeypatch):
    def drawn(*args, **kwargs):
        raise AssertionError('a batch reached the model')
    for step in ('train_step', 'val_step', 'test_step'):
        monkeypatch.setattr(VideoTopdownPoseEstimator, step, drawn)
    # It asks compilers for their versions.
    monkeypatch.setattr(MMEngineRunner, '_log_env', lambda self, env_cfg: None)


@pytest.fixture
def clips(toy_clips, monkeypatch):
    monkeypatch.setenv('SYNTHETIC_POSETRACK', str(toy_clips))


@pytest.mark.parametrize('mistake', MISTAKES)
def test_check_refuses(mistake):
    changes, words = MISTAKES[mistake]
    cfg = changed(load(PATHS[GLSMAMBA]), changes)
    with pytest.raises(UserError, match=words) as error:
        check_wiring(on_meta(cfg), dict(unread_datasets(cfg)))
    one_sentence(error.value)


@pytest.mark.parametrize('mistake', [
    'in_channels of the neck', 'joints of the head', "size of the head's codec", 'frames of the neck'])
def test_training_refuses(mistake, clips, tmp_path, no_batch):
    changes, words = MISTAKES[mistake]
    cfg = prepared(changed(Config.fromfile(str(PATHS[GLSMAMBA])), changes), tmp_path)
    with pytest.raises(UserError, match=words):
        Runner.from_cfg(cfg).train()


def test_mmposes_own_train_tool_refuses(clips, tmp_path, no_batch):
    """It uses MMEngine's Runner; the check is a hook of the config."""
    changes, words = MISTAKES['in_channels of the neck']
    cfg = prepared(changed(Config.fromfile(str(PATHS[GLSMAMBA])), changes), tmp_path)
    with pytest.raises(UserError, match=words):
        MMEngineRunner.from_cfg(cfg).train()


def test_testing_refuses(clips, tmp_path, no_batch):
    changes = {'test_dataloader.dataset.frame_offsets': (0, ),
               'test_dataloader.dataset.pipeline.0.num_frames': 1}
    cfg = prepared(changed(Config.fromfile(str(PATHS[GLSMAMBA])), changes), tmp_path)
    with pytest.raises(UserError, match='test_dataloader.*makes 1 frames.*num_frames is 5'):
        Runner.from_cfg(cfg).test()


def test_a_right_config_goes_on(clips, tmp_path, no_batch):
    cfg = prepared(Config.fromfile(str(PATHS[GLSMAMBA])), tmp_path)
    with pytest.raises(AssertionError, match='a batch reached the model'):
        Runner.from_cfg(cfg).train()


def test_command_line_says_one_line(clips, root, tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location('train_tool', root / 'tools/train.py')
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    monkeypatch.setattr(sys, 'argv', [
        'train.py', str(PATHS[GLSMAMBA]), '--work-dir', str(tmp_path), '--cfg-options',
        'model.neck.in_channels=32', 'train_dataloader.num_workers=0',
        'train_dataloader.persistent_workers=False'])
    with pytest.raises(SystemExit) as stop:
        tool.run_command(tool.main)
    assert str(stop.value).startswith('error: model.neck.in_channels is 32')
    one_sentence(stop.value)


class Joined:
    """Like MMPose's CombinedDataset, which reads files at once."""

    def __init__(self, members, pipeline, metainfo):
        self.datasets, self.pipeline, self.metainfo = members, Compose(pipeline), metainfo


def test_members_of_a_joined_data_set():
    """Windows of PoseTrack with images of MPII's 16 joints, converted to 17."""
    cfg = load(PATHS[GLSMAMBA])
    model = on_meta(cfg)
    clips = dict(unread_datasets(cfg))['train_dataloader']
    convert = dict(type='mmpose.KeypointConverter', num_keypoints=17, mapping=[(0, 16)])
    images = DATASETS.build(dict(type='mmpose.MpiiDataset', lazy_init=True, pipeline=[convert]))
    assert images.metainfo['num_keypoints'] == 16
    steps = cfg.train_dataloader.dataset.pipeline
    joined = Joined([clips, images], steps, clips.metainfo)
    check_wiring(model, dict(train_dataloader=joined))
    check_wiring(model, dict(train_dataloader=Joined([], [convert, *steps], images.metainfo)))
    with pytest.raises(UserError, match='head.out_channels is 17.*16 joints'):
        check_wiring(model, dict(train_dataloader=Joined([images], steps, images.metainfo)))
    wider = DATASETS.build(
        dict(cfg.train_dataloader.dataset, lazy_init=True, frame_offsets=(-4, -2, 0, 2, 4)))
    with pytest.raises(UserError, match='joins data sets with frame_offsets'):
        check_wiring(model, dict(train_dataloader=Joined([clips, wider], steps, clips.metainfo)))


def test_joints_of_the_motion_decoder():
    cfg = changed(load(PATHS[SDTC]), {'model.neck.reconstruction.num_keypoints': 15})
    with pytest.raises(UserError, match='num_keypoints of model.neck is 15.*17 joints'):
        check_wiring(on_meta(cfg), dict(unread_datasets(cfg)))


@pytest.mark.parametrize('mistake', LIFTING_MISTAKES)
def test_lifting_refuses(mistake):
    changes, words = LIFTING_MISTAKES[mistake]
    cfg = changed(load(PATHS[LIFTING]), {'model.backbone.depth': 1, **changes})
    with pytest.raises(UserError, match=words) as error:
        check_wiring(on_meta(cfg), dict(unread_datasets(cfg)))
    one_sentence(error.value)


def motion3d(path, frames=54):
    """A file like MotionBERT's of Human3.6M, of noise."""
    rng = np.random.default_rng(0)
    part = dict(
        joint_2d=rng.uniform(0, 900, (frames, 17, 2)), confidence=np.ones((frames, 17, 1)),
        joint3d_image=rng.uniform(0, 900, (frames, 17, 3)), camera_name=['54138969'] * frames,
        source=['s_09_act_02_subact_01_ca_01'] * frames, action=['walking'] * frames,
        **{'2.5d_factor': np.ones(frames), 'joints_2.5d_image': rng.uniform(0, 900, (frames, 17, 3))})
    path.write_bytes(pickle.dumps(dict(train=part, test=part)))


def test_lifting_refuses_before_training(tmp_path):
    motion3d(tmp_path / 'h36m_sh_conf_cam_source_final.pkl')
    cfg = load(PATHS[LIFTING])
    changed(cfg, {'model.backbone.depth': 1, 'model.backbone.num_frames': 81})
    for loader in LOADERS:
        cfg[loader].update(num_workers=0, persistent_workers=False)
        cfg[loader].dataset.data_root = str(tmp_path)
    cfg.work_dir = str(tmp_path / 'work')
    with pytest.raises(UserError, match='num_frames makes 27.*num_frames is 81'):
        Runner.from_cfg(cfg).train()


class NeedsNumbers(nn.Module):
    """A layer that runs on no shapes alone, as third ones may."""

    def forward(self, x):
        return x * float(x.sum() + 1)


def estimator(cfg):
    cfg.model.backbone.init_cfg = None
    return MODELS.build(cfg.model)


def test_the_check_leaves_the_model_alone():
    cfg = load(PATHS[GLSMAMBA])
    model = estimator(cfg).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    modes = [part.training for part in model.modules()]
    draw = torch.random.get_rng_state()
    check_wiring(model, dict(unread_datasets(cfg)))
    assert torch.equal(draw, torch.random.get_rng_state())
    assert modes == [part.training for part in model.modules()]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in model.modules())


def test_a_layer_that_needs_numbers_is_run_with_numbers():
    cfg = load(PATHS[GLSMAMBA])
    model = estimator(cfg)
    model.neck.norm = nn.Sequential(model.neck.norm, NeedsNumbers())
    check_wiring(model, dict(unread_datasets(cfg)))
    model.head.final_layer = nn.Sequential(NeedsNumbers(), nn.Conv2d(32, 17, 1))
    with pytest.raises(UserError, match='final_layer.1 does not take.*in_channels 32, but the input 64'):
        check_wiring(model, dict(unread_datasets(cfg)))


def test_shapes_of_parts():
    model = on_meta(load(PATHS[GLSMAMBA]))
    out = ShapeProbe(model).run((2, 5, 3, 128, 96))
    assert out.is_meta and out.shape == (2, 17, 32, 24)
