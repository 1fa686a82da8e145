"""Frozen parameters stay out of the optimiser; mixed precision on the CPU."""
import pytest
import torch
from mmengine.optim import build_optim_wrapper
from torch import nn

import mmpose_gss.engine  # noqa: F401


class TwoPart(nn.Module):
    def __init__(self):
        super().__init__()
        self.frozen, self.trained = nn.Linear(4, 4), nn.Linear(4, 1)
        self.frozen.requires_grad_(False)

    def forward(self, x):
        return self.trained(self.frozen(x))


@pytest.mark.parametrize('paramwise', [None, dict(norm_decay_mult=0., bias_decay_mult=0.)])
def test_optimiser_holds_what_is_trained(paramwise):
    model = TwoPart()
    cfg = dict(type='OptimWrapper', constructor='mmpose_gss.TrainableOptimWrapperConstructor',
               optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.01))
    if paramwise:
        cfg['paramwise_cfg'] = paramwise
    wrapper = build_optim_wrapper(model, cfg)
    held = {id(p) for group in wrapper.optimizer.param_groups for p in group['params']}
    assert held == {id(p) for p in model.trained.parameters()}
    wrapper.update_params(model(torch.ones(2, 4)).sum())


def test_nothing_to_train_is_said():
    with pytest.raises(ValueError, match='no parameter of the model requires a gradient'):
        build_optim_wrapper(TwoPart().requires_grad_(False), dict(
            constructor='mmpose_gss.TrainableOptimWrapperConstructor', optimizer=dict(type='SGD', lr=1.)))


def test_cpu_amp_runs_in_bfloat16():
    model = TwoPart()
    wrapper = build_optim_wrapper(model, dict(
        type='mmpose_gss.CPUAmpOptimWrapper', optimizer=dict(type='SGD', lr=0.1)))
    before = model.trained.weight.detach().clone()
    with wrapper.optim_context(model):
        out = model(torch.ones(2, 4))
    assert out.dtype == torch.bfloat16
    wrapper.update_params(out.float().sum())
    assert not torch.equal(before, model.trained.weight)
