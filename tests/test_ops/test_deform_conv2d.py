"""Deformable convolution of the extension against torchvision's."""
import pytest
import torch
from scan_cases import relative_error

from mmpose_gss.ops import deform_conv2d
from mmpose_gss.ops.deform_conv2d import _sample
from mmpose_gss.ops.native import library

pytest.importorskip('torchvision')
needs_extension = pytest.mark.skipif(library.problem() is not None, reason=str(library.problem()))


def make(batch,
         channels,
         outputs,
         groups,
         size,
         kernel,
         stride=1,
         padding=1,
         dilation=1,
         offset_groups=1,
         bias=True,
         mask=True,
         spread=2.0,
         dtype=torch.float64):
    """Leaves and the geometry of a call."""
    kh, kw = kernel if isinstance(kernel, tuple) else (kernel, kernel)
    out = [(n + 2 * padding - dilation * (k - 1) - 1) // stride + 1 for n, k in zip(size, (kh, kw))]

    def leaf(*shape, scale=1.0):
        return (torch.randn(*shape, dtype=dtype) * scale).requires_grad_()

    leaves = dict(input=leaf(batch, channels, *size),
                  offset=leaf(batch, 2 * offset_groups * kh * kw, *out, scale=spread),
                  weight=leaf(outputs, channels // groups, kh, kw))
    if bias:
        leaves['bias'] = leaf(outputs)
    if mask:
        leaves['mask'] = leaf(batch, offset_groups * kh * kw, *out)
    return leaves, dict(stride=stride, padding=padding, dilation=dilation)


def outputs_and_grads(leaves, geometry, backend):
    out = deform_conv2d(**leaves, **geometry, backend=backend)
    weight = torch.linspace(-1, 1, max(1, out.numel()), dtype=out.dtype)[:out.numel()].view(out.shape)
    return [out, *torch.autograd.grad((out * weight).sum(), list(leaves.values()))]


CASES = [
    dict(batch=2, channels=24, outputs=24, groups=24, size=(9, 7), kernel=3, mask=False),
    dict(batch=1, channels=37, outputs=37, groups=37, size=(9, 7), kernel=3, stride=2, dilation=2,
         bias=False),
    dict(batch=2, channels=8, outputs=6, groups=2, size=(9, 7), kernel=3, offset_groups=2),
    dict(batch=2, channels=40, outputs=5, groups=1, size=(6, 7), kernel=(5, 2), padding=0),
    dict(batch=1, channels=20, outputs=20, groups=20, size=(5, 5), kernel=3, offset_groups=4, spread=20.0),
    dict(batch=1, channels=3, outputs=3, groups=3, size=(20, 20), kernel=9, padding=4),
    dict(batch=1, channels=1, outputs=1, groups=1, size=(1, 1), kernel=1, padding=0),
    dict(batch=0, channels=16, outputs=16, groups=16, size=(4, 4), kernel=3),
]


@needs_extension
@pytest.mark.parametrize('dtype, bound', [(torch.float64, 1e-12), (torch.float32, 1e-5)])
@pytest.mark.parametrize('case', CASES, ids=str)
def test_matches_torchvision(case, dtype, bound):
    if case['batch'] == 0:
        leaves, geometry = make(**case, dtype=dtype)
        out = deform_conv2d(**leaves, **geometry, backend='cpu')
        assert out.shape == (0, 16, 4, 4)
        assert torch.autograd.grad(out.sum(), [leaves['weight']])[0].eq(0).all()
        return
    leaves, geometry = make(**case, dtype=dtype)
    for value, reference in zip(outputs_and_grads(leaves, geometry, 'cpu'),
                                outputs_and_grads(leaves, geometry, 'torchvision')):
        assert relative_error(value, reference) < bound


@needs_extension
def test_channels_last_memory_gives_the_same():
    leaves, geometry = make(2, 16, 16, 16, (6, 5), 3)
    last = dict(leaves, input=leaves['input'].detach().contiguous(memory_format=torch.channels_last),
                offset=leaves['offset'].detach().contiguous(memory_format=torch.channels_last))
    expected = deform_conv2d(**leaves, **geometry, backend='cpu')
    torch.testing.assert_close(deform_conv2d(**last, **geometry, backend='cpu'), expected)
    assert expected.is_contiguous(memory_format=torch.channels_last)


@needs_extension
@pytest.mark.parametrize('groups', [3, 1])
def test_gradcheck(groups):
    leaves, geometry = make(1, 3, 3, groups, (4, 3), 2, padding=1)
    names = list(leaves)
    assert torch.autograd.gradcheck(
        lambda *xs: deform_conv2d(**dict(zip(names, xs)), **geometry, backend='cpu'),
        list(leaves.values()),
        atol=1e-4)


@needs_extension
def test_half_auto_and_repeatable():
    leaves, geometry = make(2, 64, 64, 64, (8, 6), 3, dtype=torch.float32)
    first, second = (outputs_and_grads(leaves, geometry, 'auto') for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second))
    assert all(torch.equal(a, b) for a, b in zip(first, outputs_and_grads(leaves, geometry, 'cpu')))
    half = {name: x.detach().bfloat16() for name, x in leaves.items()}
    out = deform_conv2d(**half, **geometry)
    exact = deform_conv2d(**{name: x.double() for name, x in half.items()}, **geometry, backend='torchvision')
    assert out.dtype == torch.bfloat16 and relative_error(out, exact) < 2e-2


@needs_extension
@pytest.mark.parametrize('depthwise', [True, False])
def test_opcheck_and_compile(depthwise):
    torch.use_deterministic_algorithms(False)
    torch._dynamo.reset()
    x, offset, mask = (torch.randn(2, 4, 3, n).requires_grad_() for n in (6, 18, 9))
    weight, bias = (torch.randn(9, 6).requires_grad_(),
                    torch.randn(6).requires_grad_()) if depthwise else (None, None)
    torch.library.opcheck(_sample, (x, offset, mask, weight, bias, [3, 3, 1, 1, 1, 1, 1, 1]))
    leaves, geometry = make(1, 6, 6, 6 if depthwise else 1, (4, 3), 3, dtype=torch.float32)
    compiled = torch.compile(lambda **kw: deform_conv2d(**kw, **geometry),
                             backend='aot_eager',
                             fullgraph=True)
    torch.testing.assert_close(compiled(**leaves), deform_conv2d(**leaves, **geometry))


@pytest.mark.parametrize('change, words', [(dict(input=torch.randn(6, 4, 3)), '4 dimensions'),
                                           (dict(weight=torch.randn(6, 4, 3, 3)), 'weight'),
                                           (dict(offset=torch.randn(1, 17, 4, 3)), 'offset must'),
                                           (dict(offset=torch.randn(1, 18, 4, 4)), 'offset must'),
                                           (dict(mask=torch.randn(1, 18, 4, 3)), 'mask must'),
                                           (dict(bias=torch.randn(5)), 'bias must'),
                                           (dict(weight=torch.randn(6, 1, 3, 3).double()), 'weight is'),
                                           (dict(stride=0), 'stride'), (dict(padding=(1, 1, 1)), 'padding'),
                                           (dict(backend='fast'), 'cpu, torchvision')])
def test_errors(change, words):
    arguments = dict(input=torch.randn(1, 6, 4, 3),
                     offset=torch.randn(1, 18, 4, 3),
                     weight=torch.randn(6, 1, 3, 3),
                     padding=1)
    with pytest.raises(ValueError, match=words):
        deform_conv2d(**{**arguments, **change})


def test_without_the_extension(monkeypatch):
    monkeypatch.setattr(library, '_load', lambda: (None, 'no compiler'))
    leaves, geometry = make(1, 4, 4, 4, (4, 3), 3, dtype=torch.float32)
    torch.testing.assert_close(deform_conv2d(**leaves, **geometry),
                               deform_conv2d(**leaves, **geometry, backend='torchvision'))
    with pytest.raises(RuntimeError, match='no compiler'):
        deform_conv2d(**leaves, **geometry, backend='cpu')
