"""One training of one method, and its errors on held-out views."""
import logging
import time
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence

import numpy as np
import torch
from mmengine.optim import build_optim_wrapper
from torch import Tensor

from mmpose_gss.evaluation.lifting import joint_errors, procrustes, velocity_errors

from .methods import LiftMethod, build_method
from .views import Layout, View
from .windows import Windows, mirrored

SCORES = ('MPJPE', 'P-MPJPE', 'MPJVE')


@dataclass
class Budget:
    """What a training may take.

    Attributes:
        seconds (float, optional): Of processor time, from the first call of :meth:`spent` on.
        iterations (int, optional): Instead of a time, so that a training can be repeated exactly.
    """
    seconds: Optional[float] = None
    iterations: Optional[int] = None
    _calls: int = 0
    _start: float = 0.0

    def spent(self) -> float:
        """The share that is used, before one more iteration."""
        if not self._calls:
            self._start = time.process_time()
        self._calls += 1
        if self.iterations:
            return (self._calls - 1) / self.iterations
        return (time.process_time() - self._start) / float(self.seconds or 0)


def train(name: str, layout: Layout, views: Sequence[View], budget: Budget, seed: int) -> Dict[str, Any]:
    """Train from scratch; the rate falls to a hundredth over the budget as a cosine.

    Args:
        name (str): Of `METHODS`.
        layout (Layout): The joints.
        views (Sequence[View]): The training set.
        budget (Budget): Processor time or iterations.
        seed (int): Of weights and order.

    Returns:
        dict: ``method`` (LiftMethod), ``poses`` (int, seen), ``parameters`` (int).
    """
    level = logging.root.manager.disable
    logging.disable(logging.INFO)  # MMEngine lists every parameter
    method = build_method(name, layout, seed)
    logging.disable(level)
    windows = Windows(views, method.frames, method.train_stride, layout.root)
    method.fit_scale(*windows.batch(torch.randperm(len(windows))[:20000]))
    model = method.model.train()
    optimiser = build_optim_wrapper(model, method.cfg.optim_wrapper).optimizer
    poses, done = 0, 0.0
    while done < 1:
        for chosen in torch.randperm(len(windows)).split(method.batch):
            done = budget.spent()
            if done >= 1:
                break
            if len(chosen) == 1 < min(method.batch, len(windows)):
                continue  # batch statistics need two
            for group in optimiser.param_groups:
                group['lr'] = method.lr * max(0.01, 0.5 * (1 + float(np.cos(np.pi * done))))
            batch = windows.batch(chosen)
            if method.mirror:
                batch = mirrored(*batch, layout.flip)
            loss = method.loss(*batch)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            poses += len(chosen) * (method.frames if method.train_stride > 1 else 1)
    return dict(method=method, poses=poses, parameters=sum(p.numel() for p in model.parameters()))


@torch.no_grad()
def predict(method: LiftMethod, views: Sequence[View]) -> List[np.ndarray]:
    """Poses ``(F,J,3)`` in metres of every view; a frame in several windows gets their mean."""
    windows = Windows(views, method.frames, method.test_stride, method.layout.root)
    total = torch.zeros(windows.joints.shape, dtype=torch.float64)
    count = torch.zeros(len(total), dtype=torch.float64)
    method.model.eval()
    for chosen in torch.arange(len(windows)).split(256):
        pred = method.predict(windows.batch(chosen)[0]).double()
        rows = windows.rows(chosen)
        if pred.shape[1] == 1:
            rows = rows[:, method.frames // 2:method.frames // 2 + 1]
        total.index_put_((rows,), pred, accumulate=True)
        count.index_put_((rows,), torch.ones(rows.shape, dtype=torch.float64), accumulate=True)
    out = []
    for begin, length in windows.view_rows:
        part: Tensor = total[begin:begin + length] / count[begin:begin + length, None, None]
        out.append(part.numpy())
    return out


def score(method: LiftMethod, views: Sequence[View]) -> Dict[str, Dict[str, float]]:
    """Errors of every clip, in mm and mm a frame: the mean over the frames of all its views.

    Returns:
        dict: Clip -> MPJPE, P-MPJPE and MPJVE.
    """
    errors: Dict[str, Dict[str, List[np.ndarray]]] = {}
    root = method.layout.root
    for view, pred in zip(views, predict(method, views)):
        truth = 1000.0 * (view.joints - view.joints[:, root:root + 1]).astype(np.float64)
        pred = 1000.0 * pred
        of_clip = errors.setdefault(view.clip, {name: [] for name in SCORES})
        of_clip['MPJPE'].append(joint_errors(pred, truth).mean(1))
        of_clip['P-MPJPE'].append(joint_errors(procrustes(pred, truth), truth).mean(1))
        of_clip['MPJVE'].append(velocity_errors(pred, truth).mean(1))
    return {clip: {name: float(np.concatenate(parts).mean()) for name, parts in values.items()}
            for clip, values in errors.items()}
