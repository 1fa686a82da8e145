"""PoseMamba trains through MMPose's Runner: from real samples, into one clip, resumed, in two processes."""
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmpose_gss.engine import Runner

T = 4


def tiny(root, tmp_path, config, dataset, **changes):
    """A shrunken config that trains and scores on the same few clips."""
    cfg = Config.fromfile(str(next((root / 'configs/body_3d_keypoint/posemamba').rglob(f'{config}.py'))))
    dim = changes.pop('dim', 16)
    cfg.model.backbone.update(embed_dims=dim, depth=changes.pop('depth', 1), num_frames=T,
                              scan=dict(d_state=4), drop_path_rate=0.0)
    cfg.model.head.in_channels = dim
    for part in ('train', 'val', 'test'):
        loader = cfg[f'{part}_dataloader']
        pipeline = loader.dataset.pipeline
        if part == 'train':
            pipeline = [step for step in pipeline if step.type != 'RandomFlipAroundRoot']
        loader.update(num_workers=0, persistent_workers=False)
        loader.dataset = dict(**dataset, num_frames=T, pipeline=pipeline, test_mode=part != 'train')
    cfg.train_cfg.update(max_epochs=changes.pop('epochs', 2), val_interval=1000)
    cfg.default_hooks.checkpoint.update(max_keep_ckpts=9, interval=changes.pop('interval', 1000))
    cfg.default_hooks.checkpoint.pop('save_best')
    cfg.default_hooks.logger.interval = 1
    cfg.log_processor.window_size = 1
    cfg.work_dir = str(tmp_path / 'work')
    cfg.update(changes)
    cfg.experiment_name = f'posemamba_{tmp_path.name}_{np.random.randint(1 << 30)}'
    cfg.visualizer.name = cfg.experiment_name  # MMEngine keeps visualizers by name
    return cfg


def h36m(testdata):
    folder = testdata / 'h36m'
    return dict(type='mmpose_gss.H36MClipDataset', ann_file=str(folder / 'test_h36m_body3d.npz'),
                camera_param_file=str(folder / 'cameras.pkl'))


def mpi_inf_3dhp(testdata):
    folder = testdata / 'mpi_inf_3dhp'
    return dict(type='mmpose_gss.Mpi3dhpClipDataset', ann_file=str(folder / 'test_3dhp_train.npz'),
                camera_param_file=str(folder / 'cameras_train.pkl'))


def losses(work_dir):
    found = []
    for path in sorted(work_dir.glob('*/vis_data/scalars.json')):
        found += [json.loads(line) for line in path.read_text().splitlines() if '"loss"' in line]
    return found


@pytest.mark.parametrize('config,dataset,scores', [
    ('posemamba-s-243frm_8xb4-120e_h36m', h36m, {'MPJPE', 'P-MPJPE', 'MPJVE'}),
    ('posemamba-s-81frm_8xb4-120e_mpi-inf-3dhp', mpi_inf_3dhp, {'MPJPE', 'P-MPJPE', 'MPJVE', 'PCK', 'AUC'})])
def test_trains_from_real_samples(root, tmp_path, testdata, config, dataset, scores):
    runner = Runner.from_cfg(tiny(root, tmp_path, config, dataset(testdata), epochs=3))
    runner.train()
    logs = losses(tmp_path / 'work')
    assert len(logs) == 3
    for name in ('loss_mpjpe', 'loss_n_mpjpe', 'loss_velocity', 'loss_temporal', 'mpjpe'):
        assert np.isfinite([log[name] for log in logs]).all()
    metrics = runner.val_loop.run()
    assert {f'lifting/{name}' for name in scores} <= set(metrics)
    assert np.isfinite(metrics['lifting/MPJPE'])


@pytest.mark.slow
def test_learns_one_clip_to_below_5_mm(root, tmp_path, testdata):
    """The sample's four poses as consecutive frames of one video."""
    with np.load(testdata / 'h36m/test_h36m_body3d.npz') as archive:
        part, joints = archive['part'], archive['S']
    names = np.array([f'S1_Directions_1.54138969_{i:06d}.jpg' for i in range(1, 5)])
    np.savez(tmp_path / 'clip.npz', imgname=names, part=part, S=joints)
    dataset = {**h36m(testdata), 'ann_file': str(tmp_path / 'clip.npz')}
    cfg = tiny(root, tmp_path, 'posemamba-s-27frm_8xb4-120e_h36m', dataset, epochs=400, dim=64)
    cfg.model.test_cfg.flip_test = False  # the mirrored clip is not trained
    cfg.optim_wrapper.optimizer.lr = 2e-3
    cfg.param_scheduler = [dict(type='CosineAnnealingLR', T_max=400, eta_min=1e-5, by_epoch=True)]
    cfg.default_hooks.logger.interval = 1000
    runner = Runner.from_cfg(cfg)
    runner.train()
    assert runner.val_loop.run()['lifting/MPJPE'] < 5


def test_resumed_training_equals_an_uninterrupted_one(root, tmp_path, testdata):
    config = 'posemamba-s-27frm_8xb4-120e_h36m'

    def train(name, **kwargs):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        cfg = tiny(root, folder, config, h36m(testdata), interval=1, **kwargs)
        cfg.train_dataloader.batch_size = 2
        Runner.from_cfg(cfg).train()
        return torch.load(folder / 'work' / f'epoch_{cfg.train_cfg.max_epochs}.pth', weights_only=False)

    whole = train('whole', epochs=4)
    train('parts', epochs=2)
    parts = train('parts', epochs=4, resume=True)
    assert parts['meta']['iter'] == whole['meta']['iter'] == 8
    for name, value in whole['state_dict'].items():
        torch.testing.assert_close(parts['state_dict'][name], value, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_trains_in_two_processes(root, tmp_path, testdata, free_port):
    cfg = tiny(root, tmp_path, 'posemamba-s-27frm_8xb4-120e_h36m', h36m(testdata), epochs=2, interval=1)
    cfg.train_dataloader.batch_size = 1
    cfg.dump(str(tmp_path / 'config.py'))
    done = subprocess.run(
        [sys.executable, '-m', 'torch.distributed.run', '--nproc_per_node', '2', '--master_port',
         str(free_port), str(root / 'tools/train.py'), str(tmp_path / 'config.py'), '--launcher', 'pytorch',
         '--work-dir', str(tmp_path / 'two')],
        capture_output=True, text=True, timeout=400,
        env={**os.environ, 'PYTHONPATH': str(root), 'OMP_NUM_THREADS': '1', 'PYTHONWARNINGS': 'ignore'})
    assert done.returncode == 0, done.stderr[-3000:]
    two = losses(tmp_path / 'two')
    assert len(two) == 4  # four clips, two at a time, twice
    cfg.train_dataloader.batch_size = 2
    Runner.from_cfg(cfg).train()
    one = losses(tmp_path / 'work')
    assert [log['loss'] for log in two] == pytest.approx([log['loss'] for log in one], rel=1e-3)
    assert (tmp_path / 'two/epoch_2.pth').is_file()
