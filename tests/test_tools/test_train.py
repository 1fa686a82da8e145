"""tools/train.py and tools/test.py as a user runs them."""
import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest
import torch

from mmpose_gss.engine import read_checkpoint

CONFIG = 'td-hm_GLSMamba-tiny_synthetic-posetrack-128x96'
#: Few samples, no augmentation, no workers: runs are short, and repeat to the bit.
OPTIONS = [
    'model.backbone.init_cfg=None', 'train_cfg.max_epochs=3', 'train_cfg.val_interval=10',
    'train_dataloader.batch_size=2',
    'train_dataloader.num_workers=0', 'train_dataloader.persistent_workers=False',
    'val_dataloader.num_workers=0', 'val_dataloader.persistent_workers=False',
    'test_dataloader.num_workers=0', 'test_dataloader.persistent_workers=False',
    'train_dataloader.dataset.indices=8', 'default_hooks.logger.interval=1',
    'default_hooks.checkpoint.max_keep_ckpts=9', 'model.neck.num_global=1', 'model.neck.embed_dims=16',
    'model.neck.scan.d_state=2', 'model.neck.scan.dt_rank=2',
    'log_processor.window_size=1',
]
PLAIN_PIPELINE = [
    {'type': 'mmpose_gss.LoadClip'}, {'type': 'GetBBoxCenterScale'},
    {'type': 'TopdownAffine', 'input_size': (96, 128)},
    {'type': 'GenerateTarget', 'encoder': dict(
        type='MSRAHeatmap', input_size=(96, 128), heatmap_size=(24, 32), sigma=1.5)},
    {'type': 'mmpose_gss.PackClipInputs'}]


@pytest.fixture(scope='module')
def plain_config(root, tmp_path_factory):
    path = tmp_path_factory.mktemp('config') / 'plain.py'
    base = root / f'configs/body_2d_keypoint/glsmamba/synthetic/{CONFIG}.py'
    path.write_text(f'_base_ = [{str(base)!r}]\n'
                    f'train_dataloader = dict(dataset=dict(pipeline={PLAIN_PIPELINE!r}))\n')
    return path


@pytest.fixture
def env(toy_clips):
    return dict(os.environ, SYNTHETIC_POSETRACK=str(toy_clips), PYTHONWARNINGS='ignore', OMP_NUM_THREADS='1')


def command(root, config, work_dir, *extra, launcher=()):
    start = launcher or (sys.executable, )
    return [*start, str(root / 'tools/train.py'), str(config), '--work-dir', str(work_dir), *extra]


def steps(work_dir):
    """The logged iterations of all runs in a work folder, in order."""
    found = []
    for path in sorted(work_dir.glob('*/vis_data/scalars.json')):
        found += [json.loads(line) for line in path.read_text().splitlines() if '"loss"' in line]
    return [(line['iter'], line['lr'], line['loss']) for line in found]


@pytest.mark.slow
def test_resume_after_a_kill_goes_on_as_if_nothing_had_happened(root, plain_config, env, tmp_path):
    options = ['--cfg-options', *OPTIONS]
    subprocess.run(command(root, plain_config, tmp_path / 'whole', *options), env=env, check=True,
                   capture_output=True)
    broken = subprocess.Popen(
        command(root, plain_config, tmp_path / 'broken', *options), env=env, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.time() + 600  # the first checkpoint may take its time
    while not (tmp_path / 'broken' / 'last_checkpoint').exists() and time.time() < deadline:
        time.sleep(0.02)
    os.killpg(broken.pid, signal.SIGKILL)
    broken.wait()
    assert not (tmp_path / 'broken' / 'epoch_3.pth').exists(), 'killed too late to prove anything'
    resumed = subprocess.run(command(root, plain_config, tmp_path / 'broken', '--resume', *options), env=env,
                             capture_output=True, text=True)
    assert resumed.returncode == 0, resumed.stderr[-2000:]
    assert 'resumed epoch' in resumed.stdout + resumed.stderr
    whole, all_runs = steps(tmp_path / 'whole'), steps(tmp_path / 'broken')
    assert len(whole) == 12
    last = {step[0]: step for step in all_runs}
    assert [last[i] for i in range(1, 13)] == whole
    ours, theirs = (read_checkpoint(tmp_path / name / 'epoch_3.pth')['state_dict']
                    for name in ('whole', 'broken'))
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


@pytest.mark.slow
def test_two_processes_equal_one_on_the_doubled_batch(root, plain_config, env, tmp_path, free_port):
    one = [*OPTIONS, 'train_dataloader.batch_size=4', 'train_cfg.max_epochs=1']
    subprocess.run(command(root, plain_config, tmp_path / 'one', '--cfg-options', *one), env=env, check=True,
                   capture_output=True)
    launcher = [sys.executable, '-m', 'torch.distributed.run', '--nproc_per_node', '2',
                '--master_port', str(free_port)]
    two = subprocess.run(
        command(root, plain_config, tmp_path / 'two', '--launcher', 'pytorch', '--cfg-options', *OPTIONS,
                'train_cfg.max_epochs=1', launcher=launcher), env=env, capture_output=True, text=True)
    assert two.returncode == 0, two.stderr[-3000:]
    losses = [[step[2] for step in steps(tmp_path / name)] for name in ('one', 'two')]
    assert len(losses[0]) == len(losses[1]) == 2
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    ours, theirs = (read_checkpoint(tmp_path / name / 'epoch_1.pth')['state_dict'] for name in ('one', 'two'))
    assert all(torch.allclose(ours[key].float(), theirs[key].float(), rtol=1e-3, atol=1e-4) for key in ours)


@pytest.mark.slow
def test_amp_show_dir_test_and_their_messages(root, env, tmp_path):
    """Short training under --amp --auto-scale-lr, then tools/test.py with pictures, metrics, wrong files."""
    config = root / f'configs/body_2d_keypoint/glsmamba/synthetic/{CONFIG}.py'
    options = ['--cfg-options', *OPTIONS, 'train_cfg.max_epochs=1', 'train_dataloader.dataset.indices=4']
    done = subprocess.run(command(root, config, tmp_path, '--amp', '--auto-scale-lr', *options), env=env,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    log = done.stdout + done.stderr
    assert 'auto_scale_lr' in log or 'LR has been automatically scaled' in log
    assert 'CPUAmpOptimWrapper' in next(tmp_path.glob('*.py')).read_text()

    def run_test(checkpoint, *extra):
        return subprocess.run(
            [sys.executable, str(root / 'tools/test.py'), CONFIG, str(checkpoint),
             '--work-dir', str(tmp_path / 'test'), *extra, *options], env=env, capture_output=True, text=True)

    good = run_test(tmp_path / 'epoch_1.pth', '--out', str(tmp_path / 'ap.json'), '--show-dir', 'pictures')
    assert good.returncode == 0, good.stderr[-2000:]
    assert 0 <= json.loads((tmp_path / 'ap.json').read_text())['posetrack/AP'] <= 100
    assert list((tmp_path / 'test').rglob('pictures/*'))
    other = tmp_path / 'other.pth'
    torch.save({'state_dict': {'backbone.weight': torch.zeros(1)}}, other)
    for checkpoint, message in ((other, r'^error: checkpoint .*other\.pth belongs to another model'),
                                (tmp_path / 'none.pth', r'^error: checkpoint .*none\.pth does not exist')):
        bad = run_test(checkpoint)
        assert bad.returncode != 0 and re.search(message, bad.stderr, re.M), bad.stderr[-500:]
        assert 'Traceback' not in bad.stderr


def test_unknown_config_is_named_with_the_closest(root, env, tmp_path):
    done = subprocess.run(command(root, 'td-hm_GLSMamba-tini_synthetic', tmp_path), env=env,
                          capture_output=True, text=True)
    assert done.returncode != 0 and 'Traceback' not in done.stderr
    message = r'^error: config td-hm_GLSMamba-tini_synthetic does not exist.*' + CONFIG
    assert re.search(message, done.stderr, re.M)


def test_unusable_resume_is_said_before_data_is_read(root, env, tmp_path):
    weights = tmp_path / 'weights.pth'
    torch.save({'state_dict': {}}, weights)
    done = subprocess.run(command(root, CONFIG, tmp_path, '--resume', str(weights)), env=env,
                          capture_output=True, text=True)
    assert done.returncode != 0 and 'Traceback' not in done.stderr
    message = r'^error: checkpoint .*weights\.pth has no meta, optimizer, message_hub'
    assert re.search(message, done.stderr, re.M)
