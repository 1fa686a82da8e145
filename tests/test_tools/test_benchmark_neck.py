"""Speed of GLSMamba on the CPU, in CPU time of one thread so that a busy machine does not matter much."""
import importlib.util
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from mmpose_gss.engine.config import load_config
from mmpose_gss.models import GLSMambaNeck
from mmpose_gss.models.clip_features import ClipFeatures
from mmpose_gss.ops.native import library
from mmpose_gss.registry import MODELS
from mmpose_gss.structures.clip_window import ClipWindow

needs_extension = pytest.mark.skipif(library.problem() is not None,
                                     reason='the bounds are the C++ extension\'s')


@pytest.fixture(scope='module')
def tool():
    path = Path(__file__).resolve().parents[2] / 'tools' / 'analysis_tools' / 'benchmark_neck.py'
    spec = importlib.util.spec_from_file_location('benchmark_neck', path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_exponent_and_crossing(tool):
    tokens = [100, 200, 400, 800]
    linear, square = np.array(tokens) * 1., np.array(tokens)**2 / 300.
    assert tool.exponent(tokens, linear) == pytest.approx(1)
    assert tool.exponent(tokens, square) == pytest.approx(2)
    assert tool.crossing(tokens, linear, square) == pytest.approx(300)
    assert tool.crossing(tokens, linear, square[:2]) is None
    assert tool.crossing(tokens, square, linear) is None


@pytest.mark.slow
@needs_extension
def test_whole_model_takes_at_most_4_5_times_its_encoder(tool, one_thread):
    cfg = load_config('td-hm_GLSMamba-base_1xb16-20e_posetrack17-256x192')
    model, clip = MODELS.build(cfg.model).eval(), torch.randn(1, 5, 3, 256, 192)
    with torch.inference_mode():
        times = [(tool.best_time(lambda: model.encode(clip), 1, time.process_time),
                  tool.best_time(lambda: model(clip, None, mode='tensor'), 1, time.process_time))
                 for _ in range(2)]
    encoder, whole = np.min(times, axis=0)
    assert whole <= 4.5 * encoder


@pytest.mark.slow
@needs_extension
def test_time_of_the_neck_grows_linearly(tool, one_thread):
    neck = GLSMambaNeck(64, 64, num_global=1, num_local=1).eval()
    tokens, seconds = [], []
    with torch.inference_mode():
        for h, w in ((16, 12), (32, 24), (64, 48), (96, 64)):
            feats = ClipFeatures([torch.randn(1, 5, 64, h, w)], None, ClipWindow.centred(5))
            tokens.append(5 * h * w)
            seconds.append(tool.best_time(lambda feats=feats: neck(feats), 3, time.process_time))
    assert tool.exponent(tokens, seconds) <= 1.1
