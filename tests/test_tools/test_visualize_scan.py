"""Pictures of scan orders and of what a model looks at."""
import importlib.util
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmpose_gss.ops import get_scan_order
from mmpose_gss.visualization.scan_orders import place_tokens, sequences

TINY = '''
model = dict(
    type='mmpose_gss.VideoTopdownPoseEstimator',
    data_preprocessor=dict(type='mmpose_gss.ClipDataPreprocessor', mean=[0.] * 3, std=[255.] * 3),
    backbone=dict(type='mmpose_gss.DeconvEncoder', backbone=dict(
        type='mmpose.ResNet', depth=18, stem_channels=4, base_channels=4, num_stages=1, strides=(1, ),
        dilations=(1, ), out_indices=(0, ))),
    neck=dict(type='mmpose_gss.GLSMambaNeck', in_channels=4, embed_dims=8, num_frames=3, num_global=2,
              readout='key', skip='none',
              num_local=1, scan=dict(d_state=2, dt_rank=2)),
    head=dict(type='mmpose_gss.TemporalHeatmapHead', in_channels=8, out_channels=5, decoder=dict(
        type='MSRAHeatmap', input_size=(48, 64), heatmap_size=(12, 16), sigma=2)))
'''


@pytest.fixture(scope='module')
def tool():
    path = Path(__file__).resolve().parents[2] / 'tools' / 'analysis_tools' / 'visualize_scan.py'
    spec = importlib.util.spec_from_file_location('visualize_scan', path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_places_follow_the_visits():
    places = place_tokens(get_scan_order('unified_horizontal', 2, 2, 3))
    assert places[:6].tolist() == [[0, 0], [1, 0], [2, 0], [4, 0], [5, 0], [6, 0]]
    tubes = sequences(get_scan_order('window(2,2)', 2, 4, 4))
    assert len(tubes) == 4 and all(len(tube) == 8 for tube in tubes)
    assert tubes[1][:4].tolist() == [[2, 0], [3, 0], [2, 1], [3, 1]]


def test_orders_are_drawn(tool, tmp_path, capsys):
    tool.main(['orders', str(tmp_path / 'new' / 'orders.png')])
    picture = cv2.imread(str(tmp_path / 'new' / 'orders.png'))
    assert min(picture.shape[:2]) > 300 and picture.std() > 10
    assert 'orders.png' in capsys.readouterr().out
    with pytest.raises(ValueError, match='diagonal'):
        tool.main(['orders', str(tmp_path / 'x.png'), '--orders', 'diagonal'])


def test_clip_is_drawn(tool, tmp_path):
    (tmp_path / 'tiny.py').write_text(TINY)
    rng = np.random.default_rng(0)
    frames = []
    for i in range(3):
        frames.append(str(tmp_path / f'{i}.png'))
        cv2.imwrite(frames[-1], rng.integers(0, 255, (80, 60, 3), dtype=np.uint8))
    command = ['clip', str(tmp_path / 'tiny.py'), str(tmp_path / 'clip.png'), '--bbox', '5', '5', '40', '60']
    tool.main([*command, '--frames', *frames])
    assert cv2.imread(str(tmp_path / 'clip.png')).std() > 10
    with pytest.raises(ValueError, match='sees 3 frames'):
        tool.main([*command, '--frames', *frames[:2]])
    with pytest.raises(FileNotFoundError, match='none.png'):
        tool.main([*command, '--frames', *frames[:2], str(tmp_path / 'none.png')])


def test_attention_is_of_every_frame(tool, tmp_path):
    from mmengine.config import Config

    from mmpose_gss.registry import MODELS
    (tmp_path / 'tiny.py').write_text(TINY)
    model = MODELS.build(Config.fromfile(str(tmp_path / 'tiny.py')).model).eval()
    seen = tool.look(model, np.random.default_rng(0).integers(0, 255, (3, 64, 48, 3), dtype=np.uint8))
    assert seen['heatmap'].shape == (16, 12) and seen['attention'].shape == (3, 16, 12)
    assert seen['attention'].max() == pytest.approx(1) and (seen['attention'].sum((1, 2)) > 0).all()
    assert seen['channels'].shape == (2, 3) and ((0 < seen['channels']) & (seen['channels'] < 1)).all()
