"""Checkpoints of the Runner load under weights_only, those of strangers run nothing."""
import pickle

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from torch import nn

from mmpose_gss.engine import check_checkpoint_fits, read_checkpoint


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
    with pytest.raises(ValueError, match='evil.pth holds objects that are not safe'):
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
        with pytest.raises(ValueError, match=name):
            read_checkpoint(tmp_path / name)


def test_names_a_checkpoint_of_another_model(tmp_path):
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 4))
    path = save(tmp_path / 'own.pth', state_dict={f'module.{k}': v for k, v in model.state_dict().items()})
    check_checkpoint_fits(model, path)
    other = save(tmp_path / 'other.pth', state_dict=nn.Sequential(nn.Linear(2, 5)).state_dict())
    with pytest.raises(ValueError, match=r'other.pth belongs to another model.*2 \(first: 1.weight\).*'
                                         r'missing.*2 \(first: 0.weight\) have another shape'):
        check_checkpoint_fits(model, other)
