"""What all tests share."""
import os
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
