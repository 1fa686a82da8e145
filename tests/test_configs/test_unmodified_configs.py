"""Every shipped config, as it is: its model fits its data, and each fact stands once."""
import re

import pytest
from mmengine.registry import init_default_scope
from mmpose.registry import METRICS, MODELS
from shipped_configs import (
    ALL_FILES,
    CONFIGS,
    DETECTION,
    LIFTING,
    LOADERS,
    ROOT,
    VIDEO_2D,
    by_model,
    group_name,
    load,
    on_meta,
    unread_datasets,
)

from mmpose_gss.engine import check_wiring


def name(path):
    return path.stem


def test_basenames_are_unique():
    assert len({p.name for p in CONFIGS}) == len(CONFIGS) > 10


GROUPS = by_model(VIDEO_2D) + by_model(LIFTING, ignoring=('num_frames', ))


@pytest.mark.parametrize('group', GROUPS, ids=group_name)
def test_model_fits_its_data(group):
    """Channels, joints, sizes and frames, by the check that runs before every training, on whole models."""
    first = load(group[0])
    frames = first.model.backbone.get('num_frames')  # of lifters; test_frames_are_the_datas has the others
    datasets = {}
    for path in group:
        cfg = load(path)
        if cfg.model.backbone.get('num_frames') == frames:
            datasets.update((f'{loader} of {path.stem}', data) for loader, data in unread_datasets(cfg))
    assert len(datasets) >= len(LOADERS)
    check_wiring(on_meta(first), datasets)


@pytest.mark.parametrize('path', VIDEO_2D, ids=name)
def test_codec_joints_and_frames_are_the_datas(path):
    """What the check compares is there to be compared, and is what the config's base says."""
    cfg = load(path)
    assert cfg.data_mode == 'topdown'  # MMPose's inferencers ask for it
    assert cfg.model.head.decoder == cfg.codec
    assert cfg.model.head.out_channels == cfg.num_joints
    for loader, dataset in unread_datasets(cfg):
        steps = {step.type: step for step in cfg[loader].dataset.pipeline}
        assert dataset.metainfo['num_keypoints'] == cfg.num_joints
        assert tuple(cfg[loader].dataset.frame_offsets) == tuple(cfg.frame_offsets)
        assert cfg.frame_offsets.count(0) == 1
        assert steps['mmpose_gss.LoadClip'].num_frames == len(cfg.frame_offsets)
        assert tuple(steps['mmpose.TopdownAffine'].input_size) == tuple(cfg.codec.input_size)
        assert ('mmpose.GenerateTarget' in steps) == (loader == 'train_dataloader')
    assert cfg.train_dataloader.dataset.pipeline[-2].encoder == cfg.codec
    assert cfg.model.get('neck', {}).get('num_frames', len(cfg.frame_offsets)) == len(cfg.frame_offsets)


@pytest.mark.parametrize('path', LIFTING, ids=name)
def test_frames_are_the_datas(path):
    cfg = load(path)
    assert cfg.model.backbone.num_frames == cfg.num_frames
    assert {cfg[loader].dataset.num_frames for loader in LOADERS} == {cfg.num_frames}
    assert f'-{cfg.num_frames}frm_' in path.stem


@pytest.mark.parametrize('path', VIDEO_2D + LIFTING, ids=name)
def test_metrics_build(path):
    cfg = load(path)
    for part in ('val_evaluator', 'test_evaluator'):
        evaluators = cfg[part] if isinstance(cfg[part], list) else [cfg[part]]
        for evaluator in evaluators:
            assert METRICS.get(evaluator['type']) is not None


@pytest.mark.parametrize('path', DETECTION, ids=name)
def test_detection_config_builds(path):
    cfg = load(path)
    init_default_scope('mmdet')
    assert sum(p.numel() for p in MODELS.build({**cfg.model, '_scope_': 'mmdet'}).parameters()) > 0


@pytest.mark.parametrize('path', ALL_FILES, ids=lambda p: str(p.relative_to(ROOT / 'configs')))
def test_bases_are_shared_or_the_methods_own(path):
    """No method builds on another's private `_base_`, nor on its configs."""
    found = re.match(r'(?:#.*\n|\s)*_base_ = (\[[^\]]*\]|.*)', path.read_text())
    shared = ROOT / 'configs/_base_'
    method = path.relative_to(ROOT / 'configs').parts[:2]
    for base in re.findall(r"'([^']+)'", found[1]) if found else []:
        if '::' in base:  # of another package
            continue
        resolved = (path.parent / base).resolve()
        assert resolved.is_file(), f'{path} has no base {base}'
        if shared in path.parents:
            assert shared in resolved.parents, f'{path} is shared, {resolved} is not'
        else:
            own = resolved.relative_to(ROOT / 'configs').parts[:2] == method
            assert own or shared in resolved.parents, f"{path} builds on another method's {resolved}"


def test_codec_and_window_are_literals_once():
    """A codec stands in files of pipelines only; a window once in a file, and its length nowhere."""
    for path in ALL_FILES:
        text = re.sub(r'#.*', '', path.read_text())
        if 'MSRAHeatmap' in text:
            assert path.name.startswith('pipelines_') and text.count('MSRAHeatmap') == 1, path
        assert len(re.findall(r'frame_offsets\s*=\s*[(\[]', text)) <= 1, path
        assert not re.search(r'num_frames=\d', text), f'{path} repeats the number of frames'
        assert len(re.findall(r'^num_frames = ', text, re.M)) <= 1, path
