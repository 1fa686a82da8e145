"""What all tests share."""
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# No test opens a window.
os.environ.setdefault('MPLBACKEND', 'Agg')
#: How a skip for want of samples begins.
NO_SAMPLES = 'no real samples'


@pytest.fixture(scope='session')
def root() -> Path:
    """The source checkout."""
    return ROOT


@pytest.fixture(scope='session')
def testdata() -> Path:
    """Folder of real samples; a test that needs it is skipped where it is not there."""
    folder = Path(os.environ.get('MMPOSE_GSS_TESTDATA', ROOT.parent / 'shared' / 'testdata'))
    if not folder.is_dir():
        pytest.skip(f'{NO_SAMPLES} at {folder}; set MMPOSE_GSS_TESTDATA to their folder')
    return folder


def pytest_terminal_summary(terminalreporter):
    """Say how many tests the lack of real samples has skipped."""
    skipped = [report for report in terminalreporter.stats.get('skipped', ())
               if NO_SAMPLES in str(report.longrepr)]
    if skipped:
        terminalreporter.write_line(
            f'{len(skipped)} tests were skipped as they need real samples, which are not here; set '
            'MMPOSE_GSS_TESTDATA to their folder')


@pytest.fixture
def free_port() -> int:
    """A port that nobody listens on, for processes that train together."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


@pytest.fixture(autouse=True)
def default_scope():
    """MMPose's scope, whatever an earlier test (a detector, say) has left."""
    try:
        from mmengine.registry import DefaultScope, init_default_scope
    except ImportError:  # the tests of mmpose_gss.ops run with torch alone
        yield
        return
    current = DefaultScope.get_current_instance()
    if current is None or current.scope_name != 'mmpose':
        init_default_scope('mmpose')
    yield


@pytest.fixture(scope='session')
def toy_clips(root, tmp_path_factory) -> Path:
    """Two tiny training clips and one held-out clip, generated."""
    out = tmp_path_factory.mktemp('toy') / 'clips'
    subprocess.run([sys.executable, str(root / 'projects/synthetic_posetrack/generate.py'), str(out),
                    '--clips', '3', '--val-clips', '1', '--frames', '7', '--size', '160x120', '--seed', '1',
                    '--difficulty', 'easy'], check=True, stdout=subprocess.DEVNULL)
    return out
