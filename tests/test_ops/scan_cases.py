"""Inputs and comparisons shared by the scan's tests."""
import torch

from mmpose_gss.ops import selective_scan

NAMES = ('u', 'delta', 'A', 'B', 'C', 'D', 'z', 'delta_bias')


def make_inputs(batch,
                dim,
                length,
                states,
                groups=0,
                *,
                extras=True,
                softplus=True,
                large=False,
                transposed=False,
                dtype=torch.float64):
    """Arguments of ``selective_scan`` as leaves, and ``delta_softplus``; ``large``: delta up to 20."""
    def leaf(*shape):
        return torch.randn(*shape, dtype=dtype)

    shape = (batch, groups, states, length) if groups else (batch, states, length)
    delta = leaf(batch, dim, length)
    if large:
        delta = torch.rand(batch, dim, length, dtype=dtype) * 20
    elif not softplus:
        delta = torch.rand(batch, dim, length, dtype=dtype) * 0.5
    inputs = dict(u=leaf(batch, dim, length), delta=delta, A=-3 * torch.rand(dim, states, dtype=dtype) - 0.01,
                  B=leaf(*shape), C=leaf(*shape), D=leaf(dim) if extras else None,
                  z=leaf(batch, dim, length) if extras else None,
                  delta_bias=leaf(dim) if extras and not large else None)
    if not softplus and inputs['delta_bias'] is not None:  # a negative step would grow without bound
        inputs['delta_bias'] = inputs['delta_bias'].abs()
    if transposed:
        for name in ('u', 'delta', 'B', 'C', 'z'):
            if inputs[name] is not None:
                inputs[name] = inputs[name].transpose(-1, -2).contiguous().transpose(-1, -2)
    return inputs, softplus and not large


def run(inputs, softplus, backend, dtype=None):
    """Output, last state and all gradients of a fixed weighted sum of both, by name."""
    leaves = {name: None if x is None else x.detach().to(dtype or x.dtype).requires_grad_()
              for name, x in inputs.items()}
    out, state = selective_scan(**leaves, delta_softplus=softplus, return_last_state=True, backend=backend)
    loss = (out.double() *
            torch.linspace(-1, 1, max(1, out.numel())).double()[:out.numel()].view(out.shape)).sum()
    loss = loss + (state.double() * 0.3).sum()
    given = {name: x for name, x in leaves.items() if x is not None}
    grads = torch.autograd.grad(loss, list(given.values()))
    return dict(out=out.detach(), state=state.detach()), dict(zip(given, grads))


def relative_error(value, reference):
    """Root mean square of the difference by that of the reference."""
    assert value.shape == reference.shape
    if value.numel() == 0:
        return 0.0
    difference = (value.double() - reference.double()).norm()
    return (difference / reference.double().norm().clamp_min(1e-12)).item()


def assert_close(inputs, softplus, backend, dtype=torch.float32, out_bound=1e-5, grad_bound=1e-4):
    """Compare a backend in ``dtype`` with ``naive`` in float64, on the same rounded numbers."""
    rounded = {name: None if x is None else x.to(dtype).double() for name, x in inputs.items()}
    outs, grads = run(rounded, softplus, 'naive')
    outs_, grads_ = run(rounded, softplus, backend, dtype)
    for name in outs:
        assert relative_error(outs_[name], outs[name]) <= out_bound, name
    for name in grads:
        assert grads_[name].dtype == dtype
        assert relative_error(grads_[name], grads[name]) <= grad_bound, name
