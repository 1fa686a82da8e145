"""Logged losses of all processes, not of the first one only."""
from __future__ import annotations

from typing import Dict, Optional

import torch
from mmengine.dist import all_reduce, get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner


class MeanLossHook(Hook):
    """Put the mean over the processes in the place of each loss before it is logged.

    MMEngine logs what the first process saw, so that the curve of two processes differs from that of one with
    the doubled batch although the training is the same. Runs before ``RuntimeInfoHook``, which hands the
    losses to the loggers. Does nothing in a single process.
    """

    priority = 'HIGHEST'

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Optional[Dict] = None,
                         outputs: Optional[Dict] = None) -> None:
        """Reduce ``outputs`` (name: tensor of one number) in place, in one communication."""
        if get_world_size() == 1 or not outputs:
            return
        means = torch.stack([torch.as_tensor(x).detach().float().reshape(()) for x in outputs.values()])
        all_reduce(means, op='mean')
        outputs.update(zip(list(outputs), means))
