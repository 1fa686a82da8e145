"""No way to a checkpoint runs code from it, whatever torch.load's default is."""
import http.server
import os
import threading

import pytest
import torch
from mmengine.runner import CheckpointLoader, load_checkpoint
from mmengine.runner.checkpoint import _load_checkpoint
from torch import nn

import mmpose_gss.engine
from mmpose_gss.engine.safe_loading import weights_only_forced
from mmpose_gss.errors import UserError


class Touch:
    """Pickles as a call that makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), 'w')


@pytest.fixture(params=['as installed', 'weights_only defaults to False'])
def torch_default(request, monkeypatch):
    """torch.load as it is, and with the default of torch 2.4 and 2.5."""
    if request.param != 'as installed':
        load = torch.load

        def old_load(*args, weights_only=None, **kwargs):
            return load(*args, weights_only=bool(weights_only), **kwargs)

        monkeypatch.setattr(torch, 'load', old_load)


@pytest.fixture
def evil(tmp_path):
    """A checkpoint that makes the file beside it when its code runs."""
    path = tmp_path / 'evil.pth'
    torch.save({'state_dict': {}, 'meta': Touch(tmp_path / 'ran')}, path)
    return path


def test_the_malicious_file_is_malicious(evil):
    torch.load(evil, weights_only=False)
    assert (evil.parent / 'ran').exists()


@pytest.mark.parametrize('way', ['ours', 'mmengine', 'mmengine private', 'loader', 'runner', 'mmpose',
                                 'detector', 'pretrained encoder'])
def test_every_way_refuses_code(way, evil, torch_default, monkeypatch):
    model = nn.Linear(2, 2)
    runner = object.__new__(mmpose_gss.engine.Runner)
    runner._hooks, runner.model = [], model
    with pytest.raises(UserError, match=r'evil\.pth holds objects that are not safe to load') as caught:
        if way == 'ours':
            mmpose_gss.engine.read_checkpoint(evil)
        elif way == 'mmengine':
            load_checkpoint(model, str(evil))
        elif way == 'mmengine private':
            _load_checkpoint(str(evil))
        elif way == 'loader':
            CheckpointLoader.load_checkpoint(str(evil), map_location='cpu')
        elif way == 'runner':
            runner.load_checkpoint(str(evil))
        elif way == 'mmpose':
            from mmpose.models.backbones.utils.utils import get_state_dict
            get_state_dict(str(evil))
        elif way == 'detector':
            from mmdet.apis import inference
            inference.load_checkpoint(model, str(evil), map_location='cpu')
        else:
            from mmengine.model import PretrainedInit
            PretrainedInit(checkpoint=str(evil))(model)
    assert not (evil.parent / 'ran').exists()
    assert '\n' not in str(caught.value)


def test_an_address_runs_no_code(evil, torch_default, monkeypatch):
    """torch.hub passes weights_only=False for addresses, on every version."""
    monkeypatch.setenv('TORCH_HOME', str(evil.parent / 'home'))

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(evil.parent))

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        address = f'http://127.0.0.1:{server.server_port}/evil.pth'
        with pytest.raises(UserError, match=r'evil\.pth holds objects that are not safe to load'):
            CheckpointLoader.load_checkpoint(address, map_location='cpu')
    finally:
        server.shutdown()
        server.server_close()
    assert not (evil.parent / 'ran').exists()


def test_good_files_load_as_before(tmp_path, torch_default):
    """Also one that is not the Runner's, whose names a backbone looks up for itself."""
    source, model = nn.Linear(2, 2), nn.Linear(2, 2)
    torch.save({'model': source.state_dict()}, tmp_path / 'other.pth')
    assert set(_load_checkpoint(str(tmp_path / 'other.pth'))) == {'model'}
    torch.save({'state_dict': source.state_dict()}, tmp_path / 'good.pth')
    load_checkpoint(model, str(tmp_path / 'good.pth'))
    assert torch.equal(source.weight, model.weight)


def test_the_switch_is_put_back(monkeypatch):
    name = 'TORCH_FORCE_WEIGHTS_ONLY_LOAD'
    monkeypatch.delenv(name, raising=False)
    with pytest.raises(KeyError), weights_only_forced():
        assert os.environ[name] == '1'
        raise KeyError
    assert name not in os.environ


def test_odd_content_is_one_sentence(tmp_path):
    for content, message in ((3, 'holds a int'), ({'state_dict': {}, 'meta': 3}, 'meta is a int')):
        torch.save(content, tmp_path / 'odd.pth')
        with pytest.raises(UserError, match=message):
            mmpose_gss.engine.read_checkpoint(tmp_path / 'odd.pth')
