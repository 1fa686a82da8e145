"""A user's mistake ends a command with one sentence; a fault of the program keeps its traceback."""
import json

import pytest

from mmpose_gss.engine.cli import run_command
from mmpose_gss.errors import UserError


def raising(error):
    def main():
        raise error
    return main


def test_users_mistakes_become_one_line(tmp_path):
    with pytest.raises(SystemExit, match='^error: boxes.json: entry 3 has no score; add it$'):
        run_command(raising(UserError('boxes.json: entry 3\n  has no score; add it')))
    with pytest.raises(SystemExit, match='^error: video x.mp4 does not exist'):
        run_command(raising(FileNotFoundError('video x.mp4 does not exist')))
    for read in (lambda: open(tmp_path / 'none.json'), lambda: open(tmp_path),
                 lambda: (tmp_path / 'file').write_text('x') and open(tmp_path / 'file' / 'below')):
        with pytest.raises(SystemExit, match=f'^error: .*{tmp_path.name}'):
            run_command(read)


@pytest.mark.parametrize('error', [
    ValueError('not enough values to unpack'), KeyError('x'), RuntimeError('shape'), TypeError('None'),
    PermissionError(1, 'Operation not permitted'), OSError(28, 'No space left on device')])
def test_other_faults_keep_their_traceback(error):
    with pytest.raises(type(error)):
        run_command(raising(error))
    with pytest.raises(json.JSONDecodeError):
        run_command(lambda: json.loads('{'))


def test_traceback_on_demand(monkeypatch):
    monkeypatch.setenv('MMPOSE_GSS_TRACEBACK', '1')
    with pytest.raises(UserError):
        run_command(raising(UserError('x')))
