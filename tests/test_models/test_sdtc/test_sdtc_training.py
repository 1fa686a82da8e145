"""SDTC trains as a user starts it: mixed precision, two processes, every part of the loss in the log."""
import json
import math
import os
import subprocess
import sys

import pytest
import torch

from mmpose_gss.engine import read_checkpoint

CONFIG = 'td-hm_SDTC-tiny_synthetic-posetrack-128x96'
OPTIONS = [
    'model.backbone.init_cfg=None', 'train_cfg.max_epochs=2', 'train_cfg.val_interval=10',
    'train_dataloader.batch_size=1', 'train_dataloader.num_workers=0',
    'train_dataloader.persistent_workers=False',
    'val_dataloader.num_workers=0', 'val_dataloader.persistent_workers=False',
    'test_dataloader.num_workers=0', 'test_dataloader.persistent_workers=False',
    'train_dataloader.dataset.indices=4', 'default_hooks.logger.interval=1', 'log_processor.window_size=1',
    'model.neck.embed_dims=16', 'default_hooks.checkpoint.max_keep_ckpts=2',
]


@pytest.mark.slow
def test_mixed_precision_in_two_processes(root, toy_clips, tmp_path, free_port):
    env = dict(os.environ, SYNTHETIC_POSETRACK=str(toy_clips), PYTHONWARNINGS='ignore', OMP_NUM_THREADS='1')
    launcher = [sys.executable, '-m', 'torch.distributed.run', '--nproc_per_node', '2', '--master_port',
                str(free_port)]
    run = subprocess.run(
        [*launcher, str(root / 'tools/train.py'), CONFIG, '--work-dir', str(tmp_path), '--amp', '--launcher',
         'pytorch', '--cfg-options', *OPTIONS], env=env, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-3000:]
    assert 'CPUAmpOptimWrapper' in next(tmp_path.glob('*.py')).read_text()
    scalars, = tmp_path.glob('*/vis_data/scalars.json')
    steps = [json.loads(line) for line in scalars.read_text().splitlines() if '"loss"' in line]
    assert len(steps) == 4
    for step in steps:
        parts = [step[name] for name in ('loss_kpt', 'loss_context', 'loss_pose_recon')]
        assert all(math.isfinite(part) for part in parts)
        assert step['loss'] == pytest.approx(sum(parts), rel=1e-3)
        assert step['loss_context'] > 0
    first, last = (read_checkpoint(tmp_path / f'epoch_{epoch}.pth')['state_dict'] for epoch in (1, 2))
    moved = {key for key in first if not torch.equal(first[key], last[key])}
    assert {key for key in moved if key.startswith('backbone.')} == set()                # frozen
    assert any('decoder' in key for key in moved) and any('mutual' in key for key in moved)
