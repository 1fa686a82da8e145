"""Chance that depends on seed and epoch alone, so that a resumed run draws what the undisturbed one would."""
from __future__ import annotations

import random

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import Runner

_STEP = 1000003


class EpochSeedHook(Hook):
    """Seed Python, NumPy and torch anew when an epoch begins.

    MMEngine seeds once, so a run resumed after epoch n drew the numbers of epoch 1 again: augmentation in the
    main process and dropout differed from the undisturbed run's. Worker processes that persist over epochs
    keep their own state, which is not restored: with ``persistent_workers=True`` the data order is that of
    the undisturbed run, but augmentation in the workers is not.
    """

    priority = 'VERY_HIGH'

    def before_train_epoch(self, runner: Runner) -> None:
        """Seed."""
        seed = (runner.seed + _STEP * (runner.epoch + 1) + get_rank()) % 2**32
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
