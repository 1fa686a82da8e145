"""Every neck of the registry: registering one tests it, on the tiny config that it ships with."""
import inspect
import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData, PixelData
from mmpose.structures import PoseDataSample

import mmpose_gss.engine  # noqa: F401
import mmpose_gss.models  # noqa: F401
from mmpose_gss.apis import VideoPoseInferencer
from mmpose_gss.errors import UserError
from mmpose_gss.models.base_neck import BaseVideoNeck
from mmpose_gss.models.clip_features import ClipFeatures
from mmpose_gss.registry import MODELS
from mmpose_gss.structures.clip_window import ClipWindow

ROOT = Path(__file__).resolve().parents[2]
NECKS = sorted(name for name, module in MODELS.module_dict.items()
               if inspect.isclass(module) and issubclass(module, BaseVideoNeck)
               and module.__module__.startswith('mmpose_gss.'))
#: Parameters that take no part without masking, by neck.
WITHOUT_GRADIENT = {'SDTCNeck': ('decoder', '_token')}
SIZE, MAP = (96, 128), (24, 32)
CHANNELS, ROWS, COLUMNS = 64, 16, 12


@lru_cache(maxsize=None)
def tiny_config(neck):
    """The tiny config of a neck; it exists once."""
    found = []
    for path in sorted((ROOT / 'configs/body_2d_keypoint').glob('*/synthetic/td-hm_*-tiny_synthetic-*.py')):
        cfg = Config.fromfile(str(path))
        if cfg.model.get('neck') and cfg.model.neck.type == f'mmpose_gss.{neck}':
            found.append((path, cfg))
    assert len(found) == 1, f'{neck} needs one tiny config in configs/body_2d_keypoint/<method>/synthetic'
    return found[0]


def offsets(neck):
    return tuple(tiny_config(neck)[1].train_dataloader.dataset.frame_offsets)


def without_files(cfg):
    """A config that loads no checkpoint."""
    if isinstance(cfg, dict):
        return type(cfg)({key: without_files(value) for key, value in cfg.items()
                          if not (key == 'init_cfg' and value and value.get('type') == 'Pretrained')})
    return cfg


def alive(module, seed=0):
    """Random numbers everywhere, so that layers that start at zero or close to it take part."""
    generator = torch.Generator().manual_seed(seed)
    for param in module.parameters():
        if param.abs().mean() < 5e-3:
            param.data = 0.1 * torch.randn(param.shape, generator=generator)
    for name, buffer in module.named_buffers():
        if name.endswith('running_var'):
            buffer.data = 0.5 + torch.rand(buffer.shape, generator=generator)
    return module


def build_neck(neck, seed=0, **changes):
    cfg = without_files(tiny_config(neck)[1].model.neck.copy())
    cfg.update(changes)
    torch.manual_seed(seed)
    return alive(MODELS.build(cfg)).eval()


def build_estimator(neck, seed=0):
    init_default_scope('mmpose')
    torch.manual_seed(seed)
    return alive(MODELS.build(without_files(tiny_config(neck)[1].model.copy())))


def features(persons=3, frames=5, key_index=None, seed=0, channels=CHANNELS):
    generator = torch.Generator().manual_seed(seed)
    maps = torch.randn(persons, frames, channels, ROWS, COLUMNS, generator=generator)
    window = ClipWindow.around(frames // 2 if key_index is None else key_index, frames)
    return ClipFeatures([maps], None, window)


def run(module, feats):
    with torch.no_grad():
        return module(feats)[-1]


def change(one, other):
    return ((one - other).norm() / other.norm()).item()


def batch(frames, count=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shape = (count, frames, 3, SIZE[1], SIZE[0])
    inputs = torch.randint(0, 255, shape, dtype=torch.uint8, generator=generator)
    samples = []
    for _ in range(count):
        sample = PoseDataSample(metainfo=dict(
            key_index=frames // 2, input_size=SIZE, input_center=np.array([48., 64.]),
            input_scale=np.array([96., 128.]), flip_indices=list(range(17))))
        sample.gt_instances = InstanceData(bboxes=np.array([[0, 0, 96, 128.]]), bbox_scores=np.ones(1))
        sample.gt_instance_labels = InstanceData(keypoint_weights=torch.ones(1, 17))
        sample.gt_fields = PixelData(heatmaps=torch.rand(17, MAP[1], MAP[0], generator=generator))
        samples.append(sample)
    return dict(inputs=inputs, data_samples=samples)


def test_the_registry_has_necks():
    assert {'ConcatConvNeck', 'GLSMambaNeck', 'JointAttentionNeck', 'SDTCNeck'} <= set(NECKS)


@pytest.mark.parametrize('neck', NECKS)
def test_a_person_does_not_depend_on_its_batch(neck):
    module, feats = build_neck(neck), features(frames=len(offsets(neck)))
    together = run(module, feats)
    alone = torch.cat([
        run(module, ClipFeatures([feats.maps[0][i:i + 1]], None, feats.window)) for i in range(3)])
    torch.testing.assert_close(alone, together, rtol=1e-4, atol=1e-5)
    assert change(together[:1], together[1:2]) > 1e-2


@pytest.mark.parametrize('neck', NECKS)
def test_the_same_seed_gives_the_same(neck):
    feats = features(frames=len(offsets(neck)))
    first = run(build_neck(neck), feats)
    assert torch.equal(run(build_neck(neck), feats), first)
    assert change(run(build_neck(neck, seed=1), feats), first) > 1e-2


@pytest.mark.parametrize('neck', NECKS)
def test_other_frames_matter_and_so_does_their_order_where_it_is_known(neck):
    module, feats = build_neck(neck), features(frames=len(offsets(neck)))
    maps, key = feats.maps[0], feats.window.key_index
    out = run(module, feats)
    repeated = run(module, ClipFeatures([maps[:, key:key + 1].expand_as(maps)], None, feats.window))
    assert change(repeated, out) > 1e-4
    # The key frame is in the middle.
    backwards = run(module, ClipFeatures([maps.flip(1)], None, feats.window))
    # Either a neck does not know the order (its own test says so) or the order matters: nothing between.
    assert not 1e-5 < change(backwards, out) < 1e-4


@pytest.mark.parametrize('neck', NECKS)
def test_the_key_frame_is_honoured_or_refused(neck):
    module, frames = build_neck(neck), len(offsets(neck))
    middle = run(module, features(frames=frames))
    for key_index in set(range(frames)) - {frames // 2}:
        feats = features(frames=frames, key_index=key_index)
        try:
            out = run(module, feats)
        except UserError as error:
            assert 'key' in str(error)
        else:
            assert change(out, middle) > 1e-3


@pytest.mark.parametrize('neck', NECKS)
def test_wrong_features_are_named(neck):
    module, frames = build_neck(neck), len(offsets(neck))
    with pytest.raises(UserError, match='built for features'):
        run(module, features(frames=frames, channels=CHANNELS + 4))


@pytest.mark.parametrize('frames', [1, 3, 5, 7])
@pytest.mark.parametrize('neck', NECKS)
def test_any_odd_number_of_frames(neck, frames):
    takes = 'num_frames' in inspect.signature(MODELS.get(neck)).parameters
    module = build_neck(neck, **(dict(num_frames=frames) if takes else {}))
    try:
        out = run(module, features(frames=frames))
    except UserError as error:  # some have a window of their own
        assert frames != len(offsets(neck)) and 'frame_offsets' in str(error)
    else:
        assert out.shape[0] == 3 and torch.isfinite(out).all()


@pytest.mark.parametrize('neck', NECKS)
def test_mixed_precision_on_the_cpu(neck):
    module, feats = build_neck(neck), features(frames=len(offsets(neck)))
    exact = run(module, feats)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        out = module(feats)[-1]
    assert change(out.float(), exact) < 0.1
    out.float().square().mean().backward()
    grads = [param.grad for param in module.parameters() if param.grad is not None]
    assert grads and all(torch.isfinite(grad).all() for grad in grads)


@pytest.mark.parametrize('neck', NECKS)
def test_a_few_iterations_lower_the_loss_and_reach_every_parameter(neck):
    model = build_estimator(neck).train()
    wrapper = build_optim_wrapper(model, dict(optimizer=dict(type='AdamW', lr=2e-3)))
    data = batch(len(offsets(neck)))
    losses = []
    for _ in range(6):
        torch.manual_seed(0)  # the same masks every time
        losses.append(model.train_step(data, wrapper)['loss'].item())
    assert np.isfinite(losses).all() and losses[-1] < losses[0]
    model.zero_grad()
    losses, _ = model.parse_losses(model(**model.data_preprocessor(data, True), mode='loss'))
    losses.backward()
    silent = [name for name, param in model.named_parameters() if param.requires_grad and param.grad is None]
    assert not [name for name in silent if not any(part in name for part in WITHOUT_GRADIENT.get(neck, ()))]


@pytest.mark.slow
@pytest.mark.parametrize('neck', NECKS)
def test_the_whole_estimator_is_exported(neck):
    model = build_estimator(neck).eval()
    inputs = torch.randn(1, len(offsets(neck)), 3, SIZE[1], SIZE[0])
    with torch.no_grad():
        heatmaps = model(inputs, None, mode='tensor')
        program = torch.export.export(model, (inputs, None), dict(mode='tensor'))
        torch.testing.assert_close(program.module()(inputs, None, mode='tensor'), heatmaps)


@pytest.mark.slow
@pytest.mark.parametrize('neck', NECKS)
def test_it_runs_on_a_video(neck, tmp_path):
    model = build_estimator(neck)
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'model.pth')
    inferencer = VideoPoseInferencer(tiny_config(neck)[0].stem, str(tmp_path / 'model.pth'), device='cpu',
                                     batch_size=2)
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 255, (48, 36, 3), dtype=np.uint8) for _ in range(3)]
    predictions = inferencer(frames, show_progress=False)['predictions']
    assert len(predictions) == 3 and inferencer.window.offsets == offsets(neck)


@pytest.mark.slow
@pytest.mark.parametrize('neck', NECKS)
def test_two_processes_train_it(neck, toy_clips, tmp_path):
    state = {f'backbone.{key}': value for key, value in build_estimator(neck).backbone.state_dict().items()}
    head = {f'head.final_layer.{key}': value
            for key, value in torch.nn.Conv2d(CHANNELS, 17, 3, padding=1).state_dict().items()}
    torch.save(dict(state_dict={**state, **head}), tmp_path / 'encoder.pth')
    env = {**os.environ, 'SYNTHETIC_POSETRACK': f'{toy_clips}/', 'OMP_NUM_THREADS': '1',
           'SYNTHETIC_POSETRACK_ENCODER': str(tmp_path / 'encoder.pth')}
    done = subprocess.run(
        [sys.executable, '-m', 'torch.distributed.run', '--nproc_per_node', '2', '--rdzv-backend', 'c10d',
         '--rdzv-endpoint', 'localhost:0', str(ROOT / 'tools/train.py'), str(tiny_config(neck)[0]),
         '--work-dir', str(tmp_path / 'work'), '--launcher', 'pytorch', '--cfg-options',
         'train_cfg.max_epochs=1', 'train_cfg.val_interval=2', 'train_dataloader.batch_size=2',
         'train_dataloader.num_workers=0',
         'train_dataloader.persistent_workers=False', 'train_dataloader.dataset.sample_interval=4'],
        env=env, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    assert list((tmp_path / 'work').glob('epoch_1.pth'))
