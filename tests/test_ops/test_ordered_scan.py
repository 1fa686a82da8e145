"""``ordered_scan`` against sequences taken out of the map one by one and scanned by the float64 loop."""
import pytest
import torch
import torch.nn.functional as F
from scan_cases import relative_error

from mmpose_gss.ops import (
    GLSMAMBA_ORDERS,
    GLSMAMBA_WINDOW_ORDERS,
    POSEMAMBA_ORDERS,
    ScanOrder,
        get_scan_order,
    ordered_scan,
    selective_scan,
)
from mmpose_gss.ops.native import library

needs_extension = pytest.mark.skipif(library.problem() is not None, reason=str(library.problem()))
BACKENDS = ['naive', 'chunked', pytest.param('cpu', marks=needs_extension)]


def make_layer(dim, states, rank, sets=0, conv=False, dtype=torch.float64):
    """Parameters of one shared or ``sets`` separate S6 layers."""
    lead = (sets,) if sets else ()

    def leaf(*shape):
        return torch.randn(*lead, *shape, dtype=dtype)

    layer = dict(x_proj_weight=leaf(rank + 2 * states, dim) / dim**0.5,
                 dt_proj_weight=leaf(dim, rank),
                 dt_bias=leaf(dim) - 1,
                 A=-torch.rand(*lead, dim, states, dtype=dtype) * 2 - 0.05,
                 D=leaf(dim))
    return dict(layer, conv_weight=leaf(dim, 4), conv_bias=leaf(dim)) if conv else layer


def by_hand(x, orders, merge, x_proj_weight, dt_proj_weight, dt_bias, A, D, conv_weight=None, conv_bias=None):
    """Every sequence gathered, projected and scanned by itself."""
    batch, *grid, dim = x.shape
    tokens = x.flatten(1, 3)
    outputs = [0] * (max(merge) + 1)
    for k, name in enumerate(orders):
        own = [
            p if p is None or len(p) != len(orders) or p.dim() == base else p[k]
            for p, base in ((x_proj_weight, 2), (dt_proj_weight, 2), (dt_bias, 1), (A, 2), (D, 1),
                            (conv_weight, 2), (conv_bias, 1))
        ]
        x_proj, dt_proj, bias, A_, D_, conv, conv_b = own
        order = get_scan_order(name, *grid)
        parts = []
        for start, length in zip(order.starts.tolist(), order.lengths.tolist()):
            u = tokens[:, order.index[start:start + length]]
            if conv is not None:
                padded = F.pad(u.transpose(1, 2), (conv.shape[1] - 1, 0))
                u = F.silu(F.conv1d(padded, conv[:, None], conv_b, groups=dim)).transpose(1, 2)
            dt, B, C = (u @ x_proj.T).split([dt_proj.shape[1], A_.shape[1], A_.shape[1]], -1)
            y = selective_scan(u.transpose(1, 2), (dt @ dt_proj.T).transpose(1, 2), A_, B.transpose(1, 2),
                               C.transpose(1, 2), D_, None, bias, True, backend='naive')
            parts.append(y.transpose(1, 2))
        whole = torch.cat(parts, 1)[:, order.inverse]
        outputs[merge[k]] = outputs[merge[k]] + whole
    return torch.stack(outputs).view(len(outputs), batch, *grid, dim)


CASES = {
    'glsmamba': dict(orders=GLSMAMBA_ORDERS, grid=(3, 5, 4), merge=(0, 1, 2, 0, 1, 2)),
    'separate': dict(orders=GLSMAMBA_ORDERS, grid=(3, 4, 3), merge=(0, 1, 2, 0, 1, 2), sets=6),
    'windows': dict(orders=GLSMAMBA_WINDOW_ORDERS, grid=(2, 11, 7), merge=(0, 0)),
    'posemamba': dict(orders=POSEMAMBA_ORDERS, grid=(5, 1, 17), merge=(0, 0, 0, 0), sets=4),
    'convolution': dict(orders=('temporal', 'window(2,3)'), grid=(2, 3, 5), merge=(0, 1), conv=True),
    'separate convolution': dict(orders=('spatial', 'spatial_reversed'), grid=(2, 3, 3), merge=(0, 0), sets=2,
                                 conv=True),
    'one order, one token': dict(orders=('unified_vertical',), grid=(1, 1, 1), merge=(0,)),
}


@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize('name', CASES)
def test_matches_sequences_by_hand(backend, name):
    case = dict(dict(sets=0, conv=False), **CASES[name])
    x = torch.randn(2, *case['grid'], 20, dtype=torch.float64)
    layer = make_layer(20, 4, 3, case['sets'], case['conv'])

    def outputs_and_grads(function, dtype):
        leaves = [t.to(dtype).requires_grad_() for t in (x, *layer.values())]
        out = function(leaves[0], dict(zip(layer, leaves[1:])))
        weight = torch.linspace(-1, 1, out.numel(), dtype=torch.float64).view(out.shape)
        return [out, *torch.autograd.grad((out.double() * weight).sum(), leaves)]

    expected = outputs_and_grads(lambda x, p: by_hand(x, case['orders'], case['merge'], **p), torch.float64)
    got = outputs_and_grads(
        lambda x, p: ordered_scan(x, case['orders'], **p, merge=case['merge'], backend=backend),
        torch.float32)
    for i, (value, reference) in enumerate(zip(got, expected)):
        assert relative_error(value, reference) <= (1e-5 if i == 0 else 1e-4), ['out', 'x', *layer][i]


@pytest.mark.parametrize('backend', ['chunked', pytest.param('cpu', marks=needs_extension)])
def test_gradcheck(backend):
    layer = make_layer(3, 2, 2)
    leaves = [torch.randn(1, 2, 2, 2, 3, dtype=torch.float64, requires_grad=True),
              *(p.requires_grad_() for p in layer.values())]
    orders = ('unified_horizontal', 'window(2,1)', 'temporal_reversed')
    assert torch.autograd.gradcheck(
        lambda x, *p: ordered_scan(x, orders, **dict(zip(layer, p)), merge=(0, 1, 0), backend=backend),
        leaves)


@pytest.mark.parametrize('backend', BACKENDS)
def test_windows_do_not_see_each_other(backend):
    x, layer = torch.randn(1, 2, 9, 8, 18), make_layer(18, 4, 2, dtype=torch.float32)
    clean = ordered_scan(x, GLSMAMBA_WINDOW_ORDERS, **layer, backend=backend)
    x[0, 1, 2, 3] = float('nan')
    out = ordered_scan(x, GLSMAMBA_WINDOW_ORDERS, **layer, backend=backend)
    assert out[0, 0, :, :8, :6].isnan().any()
    for rows, columns in ((slice(8, 9), slice(0, 8)), (slice(0, 9), slice(6, 8))):
        torch.testing.assert_close(out[:, :, :, rows, columns], clean[:, :, :, rows, columns])


@pytest.mark.parametrize('backend', BACKENDS)
def test_reversing_time_swaps_the_temporal_pair(backend):
    """Sum of both temporal directions inside one pixel: mirrored frames give the mirrored sum."""
    layer = make_layer(10, 4, 2, dtype=torch.float32)
    x = torch.randn(2, 4, 1, 1, 10)
    orders = ('temporal', 'temporal_reversed')
    out = ordered_scan(x, orders, **layer, merge=(0, 1), backend=backend)
    turned = ordered_scan(x.flip(1), orders, **layer, merge=(0, 1), backend=backend)
    torch.testing.assert_close(turned, out.flip(0).flip(2))


@pytest.mark.parametrize('backend', BACKENDS)
def test_default_pairs_empty_batch_views_and_half(backend):
    layer = make_layer(8, 4, 2, dtype=torch.float32)
    x = torch.randn(2, 8, 3, 4, 5).permute(0, 2, 3, 4, 1)  # channels first in memory
    out = ordered_scan(x, GLSMAMBA_ORDERS, **layer, backend=backend)
    assert out.shape == (3, 2, 3, 4, 5, 8)
    torch.testing.assert_close(out,
                               ordered_scan(x.contiguous(),
                                            GLSMAMBA_ORDERS,
                                            **layer,
                                            merge=(0, 1, 2, 0, 1, 2),
                                            backend='naive'),
                               rtol=1e-4,
                               atol=1e-5)
    assert ordered_scan(x[:0], GLSMAMBA_ORDERS, **layer, backend=backend).shape == (3, 0, 3, 4, 5, 8)
    half = ordered_scan(x.bfloat16(), GLSMAMBA_ORDERS, **layer, backend=backend)
    assert half.dtype == torch.bfloat16 and relative_error(half, out) < 4e-2
    with torch.autocast('cpu', torch.bfloat16):
        mixed = ordered_scan(x, GLSMAMBA_ORDERS, **layer, backend=backend)
    assert mixed.dtype == torch.float32 and relative_error(mixed, out) < 4e-2


@needs_extension
def test_own_order():
    layer, x = make_layer(6, 2, 1, dtype=torch.float32), torch.randn(1, 1, 2, 3, 6)
    order = ScanOrder('spiral', (1, 2, 3), torch.tensor([0, 1, 2, 5, 4, 3]), torch.tensor([0, 3]))
    results = [ordered_scan(x, [order], **layer, backend=backend) for backend in ('cpu', 'chunked', 'naive')]
    torch.testing.assert_close(results[0], results[2])
    torch.testing.assert_close(results[1], results[2])


@pytest.mark.parametrize('change, words', [(dict(x=torch.randn(2, 3, 4, 6)), 'x must'),
                                           (dict(x_proj_weight=torch.randn(9, 6)), 'x_proj_weight'),
                                           (dict(dt_proj_weight=torch.randn(6)), 'dt_proj_weight'),
                                           (dict(A=torch.randn(5, 2)), 'A must'),
                                           (dict(A=torch.randn(6, 257)), '256'),
                                           (dict(A=torch.randn(6, 2).to(torch.complex64)), 'complex'),
                                           (dict(D=torch.randn(3, 6)), 'D must'),
                                           (dict(dt_bias=torch.randn(6).double()), 'dt_bias is'),
                                           (dict(conv_bias=torch.randn(6)), 'conv_weight'),
                                           (dict(merge=(0, 2)), 'merge'),
                                           (dict(orders=['nowhere', 'spatial']), 'nowhere'),
                                           (dict(orders=['spatial', 'spatial', 'spatial']), 'merge'),
                                           (dict(backend='fast'), 'naive, chunked, cpu')])
def test_errors(change, words):
    arguments = dict(x=torch.randn(1, 2, 3, 4, 6), orders=('spatial', 'temporal'),
                     **make_layer(6, 2, 1, dtype=torch.float32))
    with pytest.raises(ValueError, match=words):
        ordered_scan(**{**arguments, **change})
