"""Frozen parameters stay out of the optimiser; mixed precision on the CPU."""
import pytest
import torch
from mmengine.optim import build_optim_wrapper
from torch import nn

import mmpose_gss.engine  # noqa: F401
from mmpose_gss.models import GLSMambaNeck, PoseMamba, SDTCNeck


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


class Decayed(nn.Module):
    """A layer, a norm and a parameter that says it must not be decayed."""

    def __init__(self):
        super().__init__()
        self.linear, self.norm = nn.Linear(4, 4), nn.LayerNorm(4)
        self.A_log, self.scale = nn.Parameter(torch.ones(4)), nn.Parameter(torch.ones(4))
        self.A_log._no_weight_decay = True


@pytest.mark.parametrize('paramwise, decayed', [
    (None, {'linear.weight', 'scale'}),
    (dict(norm_decay_mult=1., bias_decay_mult=1.),
     {'linear.weight', 'scale', 'linear.bias', 'norm.weight', 'norm.bias'}),
    (dict(custom_keys={'A_log': dict(decay_mult=1.)}), {'linear.weight', 'scale'}),
])
def test_parameters_that_say_so_are_not_decayed(paramwise, decayed):
    model = Decayed()
    wrapper = build_optim_wrapper(model, dict(
        constructor='mmpose_gss.TrainableOptimWrapperConstructor', paramwise_cfg=paramwise,
        optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.01)))
    names = {id(param): name for name, param in model.named_parameters()}
    found = {names[id(param)]: group['weight_decay'] for group in wrapper.optimizer.param_groups
             for param in group['params']}
    assert set(found) == set(names.values())
    assert {name for name, decay in found.items() if decay} == decayed
    assert set(found.values()) == {0., 0.01}


def test_marks_count_without_a_weight_decay_in_the_config():
    model = Decayed()
    wrapper = build_optim_wrapper(model, dict(
        constructor='mmpose_gss.TrainableOptimWrapperConstructor', optimizer=dict(type='AdamW', lr=1e-3)))
    groups = {group['weight_decay']: group['params'] for group in wrapper.optimizer.param_groups}
    assert [id(param) for param in groups.pop(0.)] == [id(model.A_log)]
    decay, params = groups.popitem()
    assert decay > 0 and len(params) == 5 and not groups  # AdamW's own default


@pytest.mark.parametrize('build, marked', [
    (lambda: GLSMambaNeck(8, 8, 3, num_global=1, num_local=1, scan=dict(conv='causal1d')),
     {'A_log', 'D', 'dt_bias', 'conv_bias', 'temporal'}),
    (lambda: SDTCNeck(8, 8, 3, motion=dict(num_heads=2), reconstruction=dict(num_heads=2)),
     {'temporal', 'patch_token', 'frame_token'}),
    (lambda: PoseMamba(8, 1, 4), {'A_log', 'D', 'dt_bias', 'joint_table', 'frame_table'}),
], ids=['GLSMamba', 'SDTC', 'PoseMamba'])
def test_models_mark_time_scales_tables_and_tokens(build, marked):
    found = {name.rpartition('.')[2] for name, param in build().named_parameters()
             if getattr(param, '_no_weight_decay', False)}
    assert found == marked


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
