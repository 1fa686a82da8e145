"""The command that prints counts of parameters and multiply-adds."""
import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope='module')
def tool():
    path = Path(__file__).resolve().parents[2] / 'tools' / 'analysis_tools' / 'get_complexity.py'
    spec = importlib.util.spec_from_file_location('get_complexity', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_command_line(tool, capsys):
    tool.main([
        'td-hm_GLSMamba-small_1xb16-20e_posetrack17-256x192', '--depth', '1', '--shape', '1', '5', '3', '128',
        '96', '--cfg-options', 'model.neck.num_local=1'
    ])
    out = capsys.readouterr().out
    assert 'neck' in out and 'global_blocks' not in out
    assert 'trainable of' in out and '(1, 5, 3, 128, 96)' in out
