"""Choice of a backend, registration with torch.library, compilation and export."""
import os
import shutil
import subprocess
import sys
import types
import warnings

import pytest
import torch
from scan_cases import make_inputs, relative_error

from mmpose_gss.ops import GLSMAMBA_ORDERS, get_scan_order, ordered_scan, selective_scan
from mmpose_gss.ops.native import library
from mmpose_gss.ops.scan import api
from mmpose_gss.ops.scan.backends import cpu
from mmpose_gss.ops.scan.backends import triton as triton_backend

needs_extension = pytest.mark.skipif(library.problem() is not None, reason=str(library.problem()))


def python(code, **env):
    """Run code in a fresh interpreter and return what it prints."""
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True,
                            env={**os.environ, **env, 'PYTHONPATH': os.pathsep.join(sys.path)})
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_unknown_and_missing_backends(monkeypatch):
    inputs, _ = make_inputs(1, 2, 3, 2, dtype=torch.float32)
    with pytest.raises(ValueError, match='naive, chunked, cpu, triton, mamba or auto'):
        selective_scan(**inputs, backend='cuda')
    if api.mamba_ssm.find_spec('mamba_ssm') is None:
        with pytest.raises(RuntimeError, match='mamba-ssm is not installed'):
            selective_scan(**inputs, backend='mamba')
    assert 'cpu' in cpu.missing(torch.device('cuda'), torch.float32).lower()
    assert 'float64' in api.mamba_ssm.missing(torch.device('cuda'), torch.float64) or \
        api.mamba_ssm.find_spec('mamba_ssm') is None
    monkeypatch.setattr(triton_backend, 'find_spec', lambda name: None)
    assert 'triton is not installed' in triton_backend.missing(torch.device('cuda'), torch.float32)


def test_mamba_is_called_as_its_package_asks(monkeypatch):
    """A stand-in with the package's signature and checks (its CUDA code takes nothing else)."""

    def selective_scan_fn(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False,
                          return_last_state=False):
        assert B.shape == C.shape == (u.shape[0], 2, A.shape[1], u.shape[2])
        assert {x.dtype for x in (A, D, delta_bias)} == {torch.float32}
        assert {x.dtype for x in (u, delta, B, C, z)} == {torch.bfloat16} and return_last_state
        return api.selective_scan_naive(api.ScanInputs(u, delta, A, B, C, D, z, delta_bias, delta_softplus))

    package = types.ModuleType('mamba_ssm.ops.selective_scan_interface')
    package.selective_scan_fn = selective_scan_fn
    for name in ('mamba_ssm', 'mamba_ssm.ops'):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, package.__name__, package)
    monkeypatch.setitem(api._MISSING, 'mamba', lambda device, dtype: None)
    inputs, _ = make_inputs(2, 6, 9, 4, groups=2, dtype=torch.float32)
    inputs = {name: x.bfloat16() if torch.is_tensor(x) else x for name, x in inputs.items()}
    out, state = selective_scan(**inputs, return_last_state=True, backend='mamba')
    wanted, wanted_state = selective_scan(**inputs, return_last_state=True, backend='naive')
    assert torch.equal(out, wanted) and torch.equal(state, wanted_state)


def test_without_the_extension_it_works_and_says_so_once(monkeypatch):
    inputs, _ = make_inputs(1, 4, 9, 2, dtype=torch.float32)
    monkeypatch.setattr(library, '_load', lambda: (None, 'no compiler'))
    api._warn_slow.cache_clear()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        out = selective_scan(**inputs)
        again = selective_scan(**inputs)
    assert [str(w.message) for w in caught if 'chunked' in str(w.message)] and len(caught) == 1
    assert 'no compiler' in str(caught[0].message)
    assert torch.equal(out, again) and torch.equal(out, selective_scan(**inputs, backend='chunked'))
    with pytest.raises(RuntimeError, match='no compiler'):
        selective_scan(**inputs, backend='cpu')


@needs_extension
def test_auto_takes_the_extension(monkeypatch):
    taken = []
    run = api._RUN['cpu']
    monkeypatch.setitem(api._RUN, 'cpu', lambda *args: taken.append(1) or run(*args))
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        selective_scan(**make_inputs(1, 4, 9, 2, dtype=dtype)[0])
    assert len(taken) == 3


def test_imports_torch_alone():
    code = ('import sys, mmpose_gss.ops; '
            'print([m for m in ("mmengine", "mmcv", "mmpose", "torchvision") if m in sys.modules])')
    assert python(code) == '[]'


@needs_extension
@pytest.mark.parametrize('variant', ['generic', 'avx2', 'avx512'])
def test_every_instruction_set_this_processor_has(variant):
    code = f'''
import sys, torch
sys.path.insert(0, {os.path.dirname(__file__)!r})
from scan_cases import assert_close, make_inputs
from mmpose_gss.ops import deform_conv2d
from mmpose_gss.ops.native import library
print(library.simd_variant())
torch.manual_seed(0)
for case in (dict(batch=2, dim=37, length=53, states=16),
             dict(batch=1, dim=48, length=64, states=8, transposed=True),
             dict(batch=1, dim=20, length=33, states=4, large=True)):
    assert_close(*make_inputs(**case), 'cpu')
x, offset, weight = torch.randn(2, 21, 6, 5), torch.randn(2, 18, 6, 5), torch.zeros(21, 1, 3, 3)
weight[:, 0, 1, 1] = 1  # the kernel's middle alone: bilinear sampling at the middle's offset
grid = torch.stack(torch.meshgrid(torch.arange(6.), torch.arange(5.), indexing='ij'))
place = grid + offset[:, 8:10]
place = torch.stack([place[:, 1] * 2 / 4 - 1, place[:, 0] * 2 / 5 - 1], -1)
expected = torch.nn.functional.grid_sample(x, place, align_corners=True)
torch.testing.assert_close(deform_conv2d(x, offset, weight, padding=1), expected, atol=1e-5, rtol=1e-4)
'''
    name = python(code, MMPOSE_GSS_SIMD=variant)
    if name != variant:
        pytest.skip(f'this processor has no {variant}')


@needs_extension
def test_runs_in_forked_workers():
    code = '''
import torch
from mmpose_gss.ops import selective_scan
class Data(torch.utils.data.Dataset):
    def __len__(self):
        return 4
    def __getitem__(self, i):
        x = torch.ones(1, 256, 2000) * (i + 1)
        return selective_scan(x, x * 0.1, -torch.ones(256, 8), x[:, :8], x[:, :8], backend='cpu').mean()
Data()[0]
print(len(list(torch.utils.data.DataLoader(Data(), num_workers=2))))
'''
    assert python(code) == '4'


def library_cases():
    inputs, softplus = make_inputs(2, 18, 21, 4, 2, dtype=torch.float32)
    leaves = [x.requires_grad_() for x in inputs.values()]
    plain = [*leaves[:5], None, None, None]
    orders = [get_scan_order(name, 2, 3, 4) for name in GLSMAMBA_ORDERS]
    index = torch.stack([order.index for order in orders]).int()
    first = torch.stack([order.first for order in orders]).to(torch.uint8)

    def leaf(*shape):
        return torch.randn(*shape).requires_grad_()

    rates = (-torch.rand(1, 8, 4)).requires_grad_()
    tokens = [
        leaf(1, 2, 24, 8),
        leaf(1, 2, 24, 8),
        rates,
        leaf(1, 2, 24, 4),
        leaf(1, 2, 24, 4),
        leaf(1, 8),
        leaf(6, 8), index, first, [0, 1, 2, 0, 1, 2]
    ]
    return {
        'extras': (cpu._scan, (*leaves, softplus, True)),
        'plain': (cpu._scan, (*plain, softplus, False)),
        'ordered': (cpu._ordered, (*tokens, True)),
        'ordered, recomputed': (cpu._ordered, (*tokens, False))
    }


@needs_extension
@pytest.mark.parametrize('name', ['extras', 'plain', 'ordered', 'ordered, recomputed'])
def test_opcheck(name):
    torch.use_deterministic_algorithms(False)  # opcheck compares whole buffers
    operator, arguments = library_cases()[name]
    torch.library.opcheck(operator, arguments)


def test_opcheck_triton(monkeypatch):
    pytest.importorskip('triton')
    monkeypatch.setenv('TRITON_INTERPRET', '1')
    torch.use_deterministic_algorithms(False)
    x = [torch.randn(1, 1, 9, 4).requires_grad_() for _ in range(2)]
    arguments = (*x, -torch.rand(1, 4, 2), torch.randn(1, 1, 9, 1, 2), torch.randn(1, 1, 9, 1, 2), None, None,
                 None, None, [0], True, True)
    torch.library.opcheck(triton_backend._scan, arguments,
                          test_utils=('test_schema', 'test_autograd_registration', 'test_faketensor'))


class Layer(torch.nn.Module):
    """A scan layer as a model would use it."""

    def __init__(self, backend):
        super().__init__()
        self.backend = backend
        self.x_proj = torch.nn.Parameter(torch.randn(2 + 8, 8) * 0.3)
        self.dt_proj = torch.nn.Parameter(torch.randn(8, 2))
        self.dt_bias = torch.nn.Parameter(torch.randn(8))
        self.A = torch.nn.Parameter(-torch.rand(8, 4))
        self.D = torch.nn.Parameter(torch.randn(8))

    def forward(self, x):
        out = ordered_scan(x * 2, GLSMAMBA_ORDERS, self.x_proj, self.dt_proj, self.dt_bias, self.A, self.D,
                           backend=self.backend)
        return out.sum(0)


@needs_extension
@pytest.mark.parametrize('backend', ['cpu', 'chunked'])
def test_compiles_without_graph_breaks(backend):
    torch.use_deterministic_algorithms(False)
    torch._dynamo.reset()
    layer, x = Layer(backend), torch.randn(1, 2, 3, 4, 8)
    compiled = torch.compile(layer, backend='aot_eager', fullgraph=True)
    expected, got = layer(x), compiled(x)
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)
    for p, q in zip(torch.autograd.grad(expected.square().sum(), list(layer.parameters())),
                    torch.autograd.grad(got.square().sum(), list(layer.parameters()))):
        assert relative_error(q, p) < 1e-4


@needs_extension
@pytest.mark.parametrize('backend', ['auto', 'chunked'])
def test_exports(backend):
    torch.use_deterministic_algorithms(False)
    layer, x = Layer(backend).eval(), torch.randn(1, 2, 3, 4, 8)
    with torch.no_grad():
        program = torch.export.export(layer, (x,))
        other = torch.randn_like(x)
        torch.testing.assert_close(program.module()(other), layer(other), rtol=1e-4, atol=1e-4)
    names = {str(node.target) for node in program.graph.nodes}
    assert any('ordered_scan_cpu' in name for name in names) == (backend == 'auto')


@needs_extension
@pytest.mark.slow
@pytest.mark.parametrize('compiler', [
    'aot_eager',
    pytest.param('inductor', marks=pytest.mark.skipif(shutil.which('g++') is None, reason='needs g++')),
])
def test_selective_scan_compiles(compiler):
    torch.use_deterministic_algorithms(False)
    torch._dynamo.reset()
    inputs, _ = make_inputs(2, 10, 33, 4, dtype=torch.float32)
    function = torch.compile(lambda **kw: selective_scan(**kw, delta_softplus=True, backend='cpu'),
                             backend=compiler, fullgraph=True)
    leaves = {name: x.requires_grad_() for name, x in inputs.items()}
    expected, got = selective_scan(**leaves, delta_softplus=True, backend='naive'), function(**leaves)
    assert relative_error(got, expected) < 1e-5
    for p, q in zip(torch.autograd.grad(got.sum(), list(leaves.values())),
                    torch.autograd.grad(expected.sum(), list(leaves.values()))):
        assert relative_error(p, q) < 1e-4
