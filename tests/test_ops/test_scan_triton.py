"""The Triton kernels: interpreted on CPU against the loop, and compiled ahead of time without a GPU."""
import inspect

import pytest
import torch
from scan_cases import make_inputs, relative_error, run

from mmpose_gss.ops import (
    GLSMAMBA_ORDERS,
    GLSMAMBA_WINDOW_ORDERS,
    POSEMAMBA_ORDERS,
    ordered_scan,
    selective_scan,
)
from mmpose_gss.ops.scan.backends import triton as backend_module

triton = pytest.importorskip('triton')


@pytest.fixture
def interpreter(monkeypatch):
    """Triton kernels run on CPU tensors."""
    monkeypatch.setenv('TRITON_INTERPRET', '1')


@pytest.mark.parametrize('case', [
    dict(batch=2, dim=5, length=37, states=4),
    dict(batch=1, dim=12, length=70, states=3, groups=3),
    dict(batch=1, dim=9, length=1, states=16, extras=False),
    dict(batch=2, dim=4, length=33, states=8, large=True),
    dict(batch=1, dim=7, length=20, states=4, transposed=True, softplus=False),
    dict(batch=0, dim=4, length=5, states=2),
],
                         ids=str)
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_interpreted_scan_matches_loop(interpreter, case, dtype):
    inputs, softplus = make_inputs(**case)
    rounded = {name: None if x is None else x.to(dtype).double() for name, x in inputs.items()}
    expected, got = run(rounded, softplus, 'naive'), run(rounded, softplus, 'triton', dtype)
    for reference, value in zip(expected, got):
        for name in reference:
            assert relative_error(value[name], reference[name]) < 1e-5, name


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_interpreted_half(interpreter, dtype):
    inputs, softplus = make_inputs(1, 4, 35, 4)
    rounded = {name: None if x is None else x.to(dtype).double() for name, x in inputs.items()}
    expected, got = run(rounded, softplus, 'naive'), run(rounded, softplus, 'triton', dtype)
    for reference, value in zip(expected, got):
        for name in reference:
            assert relative_error(value[name], reference[name]) < 2e-2, name


@pytest.mark.parametrize('orders, grid, sets, merge', [
    (GLSMAMBA_ORDERS, (2, 5, 4), 0, None), (GLSMAMBA_ORDERS, (2, 3, 3), 6, None),
    (('unified_vertical_reversed', 'unified_horizontal_reversed'), (2, 3, 2), 0, (0, 1)),
    (GLSMAMBA_WINDOW_ORDERS, (2, 9, 7), 0, None), (POSEMAMBA_ORDERS, (3, 1, 7), 4, (0, 0, 0, 0))])
def test_interpreted_orders_match_loop(interpreter, orders, grid, sets, merge):
    lead = (sets,) if sets else ()
    x = torch.randn(2, *grid, 6, dtype=torch.float64)
    layer = [
        torch.randn(*lead, 2 + 8, 6),
        torch.randn(*lead, 6, 2),
        torch.randn(*lead, 6), -torch.rand(*lead, 6, 4),
        torch.randn(*lead, 6)
    ]

    def outputs_and_grads(backend):
        leaves = [t.double().detach().requires_grad_() for t in (x, *layer)]
        out = ordered_scan(leaves[0], orders, *leaves[1:], merge=merge, backend=backend)
        weight = torch.linspace(-1, 1, out.numel(), dtype=torch.float64).view(out.shape)
        return [out, *torch.autograd.grad((out * weight).sum(), leaves)]

    for reference, value in zip(outputs_and_grads('naive'), outputs_and_grads('triton')):
        assert relative_error(value, reference) < 1e-6


def test_interpreted_nan_stays_in_its_window(interpreter):
    x = torch.randn(1, 1, 4, 4, 3)
    layer = [torch.randn(1 + 4, 3), torch.randn(3, 1), torch.randn(3), -torch.rand(3, 2)]
    clean = ordered_scan(x, ['window(2,2)'], *layer, backend='triton')
    x[0, 0, 1, 1] = float('nan')
    out = ordered_scan(x, ['window(2,2)'], *layer, backend='triton')
    assert out[..., 1, 1, :].isnan().all()
    for rows, columns in ((slice(2, 4), slice(0, 4)), (slice(0, 4), slice(2, 4))):
        torch.testing.assert_close(out[..., rows, columns, :], clean[..., rows, columns, :])


def test_without_a_gpu_it_says_what_is_missing():
    inputs, _ = make_inputs(1, 2, 3, 2, dtype=torch.float32)
    with pytest.raises(RuntimeError, match='CUDA'):
        selective_scan(**inputs, backend='triton')


@pytest.mark.slow
@pytest.mark.parametrize('capability', [80, 90])
@pytest.mark.parametrize('name', ['scan_forward', 'scan_backward'])
@pytest.mark.parametrize('plain', [True, False])
def test_kernels_compile_ahead_of_time(monkeypatch, capability, name, plain):
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource
    monkeypatch.delenv('TRITON_INTERPRET', raising=False)
    kernels = backend_module._load_kernels(False)
    kernel = getattr(kernels, name)
    pointers = dict(index='*i32', first='*u8', merge='*i64')
    tensors = {
        'u', 'delta', 'A', 'B', 'C', 'D', 'bias', 'y', 'last', 'boundary', 'dy', 'dlast', 'du', 'ddelta',
        'dA', 'dB', 'dC', 'dD', 'dbias'
    }
    constants = dict(ACC=kernels.tl.float32, CH=64, BD=4, BN=16)
    signature = {}
    for arg in inspect.signature(kernel.fn).parameters:
        if arg in constants or arg.isupper() and arg not in tensors:
            signature[arg] = 'constexpr'
            constants.setdefault(arg, not plain)
        else:
            signature[arg] = pointers.get(arg, '*fp32' if arg in tensors else 'i32')
    source = ASTSource(kernel, signature, {key: constants[key] for key, kind in signature.items()
                                           if kind == 'constexpr'})
    compiled = triton.compile(source, target=GPUTarget('cuda', capability, 32), options=dict(num_warps=4))
    assert f'sm_{capability}' in compiled.asm['ptx'] and len(compiled.asm['cubin']) > 1000
