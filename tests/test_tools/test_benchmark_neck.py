"""What the benchmark of GLSMamba's neck computes from times."""
import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope='module')
def tool():
    path = Path(__file__).resolve().parents[2] / 'tools' / 'analysis_tools' / 'benchmark_neck.py'
    spec = importlib.util.spec_from_file_location('benchmark_neck', path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_exponent_and_crossing(tool):
    tokens = [100, 200, 400, 800]
    linear, square = np.array(tokens) * 1., np.array(tokens)**2 / 300.
    assert tool.exponent(tokens, linear) == pytest.approx(1)
    assert tool.exponent(tokens, square) == pytest.approx(2)
    assert tool.crossing(tokens, linear, square) == pytest.approx(300)
    assert tool.crossing(tokens, linear, square[:2]) is None
    assert tool.crossing(tokens, square, linear) is None
