"""The tool that asks a checkpoint whether it uses the other frames."""
import importlib.util
import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from mmpose_gss.engine.config import load_config
from mmpose_gss.errors import UserError

CONFIG = 'td-hm_ConcatConv-tiny_synthetic-posetrack-128x96'


@pytest.fixture(scope='module')
def tool(root):
    path = root / 'tools/analysis_tools/does_time_help.py'
    spec = importlib.util.spec_from_file_location('does_time_help', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='module')
def clips(root, tmp_path_factory):
    out = tmp_path_factory.mktemp('time') / 'clips'
    subprocess.run([sys.executable, str(root / 'projects/synthetic_posetrack/generate.py'), str(out),
                    '--clips', '3', '--val-clips', '2', '--frames', '5', '--size', '160x120', '--seed', '3',
                    '--difficulty', 'easy', '--no-video'], check=True, stdout=subprocess.DEVNULL)
    return out


def checkpoint(path, uses_frames):
    """An untrained ConcatConv: its last convolution is zero, so that it sees the key frame alone."""
    from mmengine.registry import init_default_scope
    from mmpose.registry import MODELS

    import mmpose_gss.models  # noqa: F401
    init_default_scope('mmpose')
    torch.manual_seed(0)
    model = MODELS.build(load_config(CONFIG).model)
    if uses_frames:
        model.neck.expand.weight.data.normal_()
    torch.save(dict(state_dict=model.state_dict()), path)


def test_windows_keep_their_key_frame(tool):
    window, foreign = torch.arange(5.).view(5, 1, 1, 1), torch.arange(10., 15.).view(5, 1, 1, 1)
    for seed in range(5):
        found = {name: value.flatten().tolist()
                 for name, value in tool.altered(window, 1, foreign, np.random.default_rng(seed)).items()}
        assert list(found) == list(tool.WINDOWS) and all(value[1] == 1 for value in found.values())
        assert found['repeated'] == [1.] * 5 and found['reversed'] == [4., 1., 3., 2., 0.]
        assert found['foreign'] == [10., 1., 12., 13., 14.]
        assert sorted(found['shuffled']) == found['true'] and found['shuffled'] != found['true']
    assert window.flatten().tolist() == [0., 1., 2., 3., 4.]


def test_foreign_frames_are_of_another_clip(tool):
    clips = [0, 0, 1, 2]
    picked = tool.foreign_samples(clips, np.random.default_rng(0))
    assert all(clips[i] != clips[j] for i, j in enumerate(picked))
    with pytest.raises(UserError, match='one clip only'):
        tool.foreign_samples([0, 0], np.random.default_rng(0))


def test_lists_of_joints_must_be_in_the_models_order(tool):
    keypoints = np.array([[1., 2.], [3., 4.]])
    raw = dict(keypoints=[2, 3, 1, 4, 5, 1], blur=[1, 2])
    annotated = np.array([True, True])
    assert tool.in_joint_order(raw, 'blur', keypoints, annotated).tolist() == [1, 2]  # shifted by one pixel
    assert tool.in_joint_order(raw, 'blur', keypoints[::-1], annotated) is None
    assert tool.in_joint_order(raw, 'speed', keypoints, annotated) is None


@pytest.mark.slow
@pytest.mark.parametrize('uses_frames', [False, True])
def test_it_tells_a_model_that_looks_from_one_that_does_not(tool, clips, tmp_path, monkeypatch, capsys,
                                                            uses_frames):
    monkeypatch.setenv('SYNTHETIC_POSETRACK', f'{clips}/')
    checkpoint(tmp_path / 'model.pth', uses_frames)
    tool.main([CONFIG, str(tmp_path / 'model.pth'), '--limit', '6', '--draws', '20', '--device', 'cpu',
               '--out', str(tmp_path / 'out.json')])
    result = json.loads((tmp_path / 'out.json').read_text())
    assert set(result['windows']) == set(tool.WINDOWS) and result['people'] == 6 and result['clips'] == 2
    assert {'all', 'hidden', 'fast'} <= set(result['joints'])
    for name in tool.WINDOWS[1:]:
        row = result['windows'][name]
        assert (row['heatmap_change'] > 1e-3) == uses_frames
        assert uses_frames or row['difference']['all'] == [0., 0., 0.]
    text = capsys.readouterr().out
    assert '| repeated |' in text and (uses_frames or 'no difference that this test set can show' in text)
