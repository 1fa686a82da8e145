"""Checkpoints of the Runner load under weights_only, untrusted ones run nothing."""
import pickle

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from torch import nn

from mmpose_gss.engine import load_checkpoint, read_checkpoint
from mmpose_gss.errors import UserError


def save(path, **entries):
    torch.save(entries, path)
    return path


def test_reads_what_the_runner_writes(tmp_path):
    history = HistoryBuffer([1.0, 2.0], [1, 1])
    path = save(tmp_path / 'epoch_1.pth', state_dict={'weight': torch.ones(2)}, meta={'epoch': 1},
                message_hub={'log_scalars': {'train/loss': history}, 'seed': np.int64(3),
                             'x': np.float32(.5)})
    content = read_checkpoint(path)
    assert content['message_hub']['log_scalars']['train/loss'].current() == 2.0
    assert content['message_hub']['seed'] == 3
    assert torch.equal(content['state_dict']['weight'], torch.ones(2))


class Call:
    """Pickles as a call of a function."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize('name', ['eval', 'getattr of a builtin', 'getattr of a function'])
def test_refuses_code(tmp_path, name):
    marker = tmp_path / 'ran'
    evil = {
        'eval': Call(eval, f'open({str(marker)!r}, "w")'),
        'getattr of a builtin': Call(getattr, getattr, '__self__'),
        'getattr of a function': Call(getattr, HistoryBuffer, '__init__'),
    }[name]
    path = save(tmp_path / 'evil.pth', state_dict={}, message_hub=evil)
    with pytest.raises(UserError, match='evil.pth holds objects that are not safe'):
        read_checkpoint(path)
    with pytest.raises(pickle.UnpicklingError):
        torch.load(path)  # mmengine's own way in
    assert not marker.exists()


def test_says_what_is_wrong_with_a_file(tmp_path):
    with pytest.raises(FileNotFoundError, match='nothing.pth does not exist'):
        read_checkpoint(tmp_path / 'nothing.pth')
    whole = save(tmp_path / 'whole.pth', state_dict={'weight': torch.ones(1000)}).read_bytes()
    (tmp_path / 'half.pth').write_bytes(whole[:len(whole) // 2])
    (tmp_path / 'text.pth').write_text('hello')
    (tmp_path / 'empty.pth').write_bytes(b'')
    for name in ('half.pth', 'text.pth', 'empty.pth'):
        with pytest.raises(UserError, match=name):
            read_checkpoint(tmp_path / name)


def two_layers(second=4):
    return nn.Sequential(nn.Linear(2, 3), nn.Linear(3, second))


def test_loads_its_own_and_names_another_models(tmp_path):
    source, model = two_layers(), two_layers()
    path = save(tmp_path / 'own.pth', meta=dict(epoch=3),
                state_dict={f'module.{k}': v for k, v in source.state_dict().items()})
    assert load_checkpoint(model, path)['meta'] == dict(epoch=3)
    assert all(torch.equal(value, source.state_dict()[key]) for key, value in model.state_dict().items())
    other = save(tmp_path / 'other.pth', state_dict=nn.Sequential(nn.Linear(2, 5)).state_dict())
    with pytest.raises(UserError, match=r'other.pth belongs to another model than config x.*'
                                        r'2 \(first: 1.weight\).*missing.*2 \(first: 0.weight\) have another '
                                        r'shape'):
        load_checkpoint(model, other, 'config x')
    assert all(torch.equal(value, source.state_dict()[key]) for key, value in model.state_dict().items())
    with pytest.raises(UserError, match='state_dict is a int'):
        load_checkpoint(model, save(tmp_path / 'odd.pth', state_dict=3))
    with pytest.raises(UserError, match=r'another shape \(str in the file'):
        load_checkpoint(model, save(tmp_path / 'odd.pth', state_dict=dict(source.state_dict(), **{
            '0.weight': 'words'})))


def test_loads_a_part_of_a_model(tmp_path):
    source, part = two_layers(), nn.Linear(2, 3)
    path = save(tmp_path / 'whole.pth', state_dict=source.state_dict())
    load_checkpoint(part, path, prefix='0.', exact=True)
    assert torch.equal(part.weight, source[0].weight)
    with pytest.raises(UserError, match=r'2 \(first: 1.weight\) are none of the model; ask the author'):
        load_checkpoint(nn.Sequential(nn.Linear(2, 3)), path, exact=True, remedy='ask the author')
    load_checkpoint(nn.Sequential(nn.Linear(2, 3)), path, exact=True, leave_out=('1.', ))
    with pytest.raises(FileNotFoundError, match='none.pth does not exist; ask the author'):
        load_checkpoint(part, tmp_path / 'none.pth', remedy='ask the author')


def test_a_file_is_opened_once(tmp_path, monkeypatch):
    model, opened = two_layers(), []
    path = save(tmp_path / 'own.pth', state_dict=model.state_dict())
    load = torch.load
    monkeypatch.setattr(torch, 'load', lambda *args, **kwargs: opened.append(args) or load(*args, **kwargs))
    load_checkpoint(model, path)
    assert len(opened) == 1
