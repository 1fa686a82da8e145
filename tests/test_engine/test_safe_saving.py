"""Checkpoints are whole or not there; the one before stays until then; training goes on bit for bit."""
import os
import random
import signal
import time

import pytest
import torch
from mmengine.hooks import CheckpointHook
from torch import nn

from mmpose_gss.engine import Runner, read_checkpoint
from mmpose_gss.engine.safe_saving import RemovesLater, latest_whole, save_whole
from mmpose_gss.errors import UserError


def make_runner(work_dir, epochs=4, keep=1, **extra):
    from mmengine.model import BaseModel

    class Model(BaseModel):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 1)

        def forward(self, inputs, mode='loss'):
            x = torch.dropout(torch.stack(inputs) + 0.1 * torch.randn(len(inputs), 3), 0.5, True)
            return dict(loss=self.layer(x).square().mean())

    torch.manual_seed(0)
    data = [dict(inputs=torch.full((3, ), float(i))) for i in range(10)]
    return Runner(
        Model(), str(work_dir), dict(
            batch_size=2, num_workers=0, dataset=data, sampler=dict(type='DefaultSampler', shuffle=True)),
        train_cfg=dict(by_epoch=True, max_epochs=epochs), optim_wrapper=dict(
            optimizer=dict(type='AdamW', lr=0.1)), randomness=dict(seed=3), default_scope='mmengine',
        default_hooks=dict(checkpoint=dict(type='CheckpointHook', interval=1, max_keep_ckpts=keep)),
        experiment_name=f'run{random.random()}', log_level='ERROR', **extra)


def weights(path):
    return read_checkpoint(path)['state_dict']


def test_resumed_training_equals_the_undisturbed_one(tmp_path):
    make_runner(tmp_path / 'whole').train()
    make_runner(tmp_path / 'broken', epochs=2).train()
    again = make_runner(tmp_path / 'broken', resume=True)
    assert again.read_ahead_latest().endswith('epoch_2.pth')
    again.train()
    ours, theirs = (weights(tmp_path / name / 'epoch_4.pth') for name in ('whole', 'broken'))
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_a_damaged_last_checkpoint_falls_back_to_the_one_before(tmp_path, caplog):
    make_runner(tmp_path, epochs=3, keep=2).train()
    assert sorted(path.name for path in tmp_path.glob('*.pth')) == ['epoch_2.pth', 'epoch_3.pth']
    last = tmp_path / 'epoch_3.pth'
    last.write_bytes(last.read_bytes()[:500])
    path, content = latest_whole(str(tmp_path))
    assert path.endswith('epoch_2.pth') and content['meta']['epoch'] == 2
    (tmp_path / 'last_checkpoint').write_text('')                 # a kill while it was written
    assert latest_whole(str(tmp_path))[0].endswith('epoch_2.pth')
    (tmp_path / 'epoch_2.pth').write_bytes(b'')
    with pytest.raises(UserError, match='no checkpoint of .* can be read .2 were tried'):
        latest_whole(str(tmp_path))
    assert latest_whole(str(tmp_path / 'empty')) == (None, None)


def test_kill_while_writing_leaves_a_whole_checkpoint(tmp_path):
    """kill -9 at 20 moments of a process that does nothing but save."""
    path, rng = str(tmp_path / 'epoch_1.pth'), random.Random(0)
    state = {'weight': torch.zeros(200000)}
    save_whole(dict(state_dict=state, meta=dict(epoch=0)), path)
    for _ in range(20):
        pid = os.fork()
        if pid == 0:
            torch.set_num_threads(1)  # the parent's threads are not in a forked process
            number = 0
            while True:
                number += 1
                save_whole(dict(state_dict=state, meta=dict(epoch=number)), path)
        time.sleep(rng.uniform(0.005, 0.05))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        assert read_checkpoint(path)['state_dict']['weight'].shape == (200000, )


def test_a_full_disk_keeps_the_checkpoint_before(tmp_path):
    import resource
    path = str(tmp_path / 'epoch_1.pth')
    save_whole(dict(state_dict={}, meta=dict(epoch=1)), path)
    state = {'weight': torch.zeros(200000)}
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            torch.set_num_threads(1)  # the parent's threads are not in a forked process
            resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))
            save_whole(dict(state_dict=state), path)
        except UserError as error:
            status = 0 if 'cannot write' in str(error) and 'epoch_1.pth' in str(error) else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert read_checkpoint(path)['meta']['epoch'] == 1
    assert os.listdir(tmp_path) == ['epoch_1.pth']


def test_the_checkpoint_before_goes_when_the_next_is_whole(tmp_path):
    runner = make_runner(tmp_path, epochs=1)
    runner.train()
    hook = next(hook for hook in runner._hooks if isinstance(hook, CheckpointHook))
    assert isinstance(hook.file_backend, RemovesLater)
    hook.file_backend.remove(str(tmp_path / 'epoch_1.pth'))
    assert (tmp_path / 'epoch_1.pth').is_file()
    hook.file_backend.flush(str(tmp_path / 'epoch_1.pth'))
    assert (tmp_path / 'epoch_1.pth').is_file()                   # it is the one that has just been written
    hook.file_backend.remove(str(tmp_path / 'epoch_1.pth'))
    hook.file_backend.flush(str(tmp_path / 'epoch_2.pth'))
    assert not (tmp_path / 'epoch_1.pth').exists()
