"""What all tests share."""
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Before torch and OpenMP are loaded: pytest's own processes must not oversubscribe small machines.
os.environ.setdefault('MPLBACKEND', 'Agg')


@pytest.fixture(scope='session')
def root() -> Path:
    """The source checkout."""
    return ROOT


@pytest.fixture(scope='session')
def testdata() -> Path:
    """Folder of real samples; a test that needs it is skipped where it is not there."""
    folder = Path(os.environ.get('MMPOSE_GSS_TESTDATA', ROOT.parent / 'shared' / 'testdata'))
    if not folder.is_dir():
        pytest.skip(f'no real samples at {folder}; set MMPOSE_GSS_TESTDATA to their folder')
    return folder


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
