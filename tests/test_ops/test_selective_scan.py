"""Every backend that runs on CPU against the float64 loop."""
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scan_cases import assert_close, make_inputs, relative_error, run

from mmpose_gss.ops import selective_scan
from mmpose_gss.ops.native import library

needs_extension = pytest.mark.skipif(library.problem() is not None, reason=str(library.problem()))
FAST = [pytest.param('cpu', marks=needs_extension), 'chunked']
CASES = [
    dict(batch=1, dim=1, length=1, states=1),
    dict(batch=2, dim=5, length=1, states=16),
    dict(batch=1, dim=16, length=16, states=8),
    dict(batch=2, dim=37, length=53, states=16),
    dict(batch=1, dim=40, length=33, states=4, groups=1),
    dict(batch=2, dim=12, length=19, states=8, groups=3),
    dict(batch=1, dim=66, length=31, states=32, groups=2, extras=False),
    dict(batch=3, dim=9, length=47, states=16, softplus=False),
    dict(batch=1, dim=20, length=65, states=16, large=True),
    dict(batch=2, dim=33, length=40, states=16, transposed=True),
    dict(batch=0, dim=8, length=7, states=4),
]


@pytest.mark.parametrize('backend', ['naive', *FAST])
@pytest.mark.parametrize('case', CASES, ids=str)
def test_single_precision_matches_double_loop(backend, case):
    inputs, softplus = make_inputs(**case)
    assert_close(inputs, softplus, backend)


@pytest.mark.parametrize('backend', FAST)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_random_shapes(backend, data):
    groups = data.draw(st.sampled_from([0, 1, 2, 3]))
    case = dict(batch=data.draw(st.integers(0, 3)), dim=data.draw(st.integers(1, 40)) * max(1, groups),
                length=data.draw(st.integers(1, 70)), states=data.draw(st.sampled_from([1, 4, 8, 16, 32])),
                groups=groups, extras=data.draw(st.booleans()), softplus=data.draw(st.booleans()),
                large=data.draw(st.booleans()), transposed=data.draw(st.booleans()))
    inputs, softplus = make_inputs(**case)
    assert_close(inputs, softplus, backend)


@pytest.mark.parametrize('backend', ['naive', *FAST])
@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_half_types_keep_a_single_precision_state(backend, dtype):
    inputs, softplus = make_inputs(2, 24, 61, 16)
    assert_close(inputs, softplus, backend, dtype, 2e-2, 2e-2)
    half = {name: None if x is None else x.to(dtype) for name, x in inputs.items()}
    wide = dict(half, A=half['A'].float(), D=half['D'].float(), delta_bias=half['delta_bias'].float())
    out, state = selective_scan(**wide, delta_softplus=True, return_last_state=True, backend=backend)
    assert out.dtype == dtype and state.dtype == torch.float32


@pytest.mark.parametrize('backend', FAST)
def test_double_precision_is_exact(backend):
    inputs, softplus = make_inputs(2, 22, 45, 8, 2)
    expected, expected_grads = run(inputs, softplus, 'naive')
    got, grads = run(inputs, softplus, backend)
    for name, value in {**expected, **expected_grads}.items():
        assert relative_error({**got, **grads}[name], value) < 1e-7, name  # torch's softplus cuts off at 20


@pytest.mark.parametrize('backend', FAST)
@pytest.mark.parametrize(
    'case', [dict(batch=1, dim=2, length=18, states=2),
             dict(batch=1, dim=2, length=3, states=2, groups=2)],
    ids=str)
def test_gradcheck(backend, case):
    inputs, _ = make_inputs(**case)
    leaves = [x.requires_grad_() for x in inputs.values()]
    assert torch.autograd.gradcheck(lambda *xs: selective_scan(*xs, True, True, backend=backend), leaves)


@pytest.mark.parametrize('backend', FAST)
def test_large_number_of_states(backend):
    inputs, softplus = make_inputs(1, 18, 37, 256, extras=False)
    assert_close(inputs, softplus, backend)


@pytest.mark.parametrize('backend', FAST)
def test_long_slowly_decaying_sequence_does_not_drift(backend):
    inputs, _ = make_inputs(1, 8, 6000, 4, extras=False)
    inputs = dict(inputs, u=inputs['u'].abs(), B=inputs['B'].abs(), C=inputs['C'].abs(),
                  delta=torch.full_like(inputs['delta'], 0.0123), A=-torch.rand_like(inputs['A']) * 0.1)
    rounded = {name: None if x is None else x.float().double() for name, x in inputs.items()}
    single = {name: None if x is None else x.float() for name, x in rounded.items()}
    expected = selective_scan(**rounded, backend='naive')
    # Rounding decays next to one costs every single-precision scan digits; ours none beyond the loop's.
    loop = relative_error(selective_scan(**single, backend='naive'), expected)
    assert relative_error(selective_scan(**single, backend=backend), expected) <= max(1e-5, 1.1 * loop)


@pytest.mark.parametrize('backend', FAST)
def test_growing_states_overflow_as_in_the_loop(backend):
    inputs, _ = make_inputs(1, 3, 40, 2, extras=False, large=True, dtype=torch.float32)
    inputs['A'] = torch.tensor([[0.5, -1.0], [2.0, 0.1], [9.0, -0.5]])
    expected = selective_scan(**inputs, backend='naive')
    got = selective_scan(**inputs, backend=backend)
    finite = expected.isfinite() & (expected.abs() < 1e36)
    assert finite.any() and not expected.isfinite().all()
    torch.testing.assert_close(got[finite], expected[finite], rtol=1e-4, atol=1e-4)
    assert not got[~expected.isfinite()].isfinite().any()


@pytest.mark.parametrize('backend', ['naive', *FAST])
@pytest.mark.parametrize('name', ['u', 'delta', 'B', 'C', 'z'])
def test_nan_stays_in_its_sequence(backend, name):
    inputs, softplus = make_inputs(3, 20, 35, 8, dtype=torch.float32)
    clean = selective_scan(**inputs, delta_softplus=softplus, backend=backend)
    inputs[name] = inputs[name].clone()
    inputs[name][1, ..., 17] = float('nan')
    outs, grads = run(inputs, softplus, backend)
    assert outs['out'][1].isnan().any()
    torch.testing.assert_close(outs['out'][[0, 2]], clean[[0, 2]])
    assert outs['out'][1][:, :17].isfinite().all()
    for leaf in ('u', 'delta', 'B', 'C', 'z'):
        assert grads[leaf][[0, 2]].isfinite().all(), leaf


@pytest.mark.parametrize('backend', FAST)
def test_nan_parameter_is_not_hidden(backend):
    inputs, softplus = make_inputs(1, 4, 9, 2, dtype=torch.float32)
    inputs['A'][2, 1] = float('nan')
    out = selective_scan(**inputs, delta_softplus=softplus, backend=backend)
    assert out[:, 2, 1:].isnan().all() and out[:, [0, 1, 3]].isfinite().all()


@pytest.mark.parametrize('backend', ['naive', *FAST])
def test_last_state_continues_a_sequence(backend):
    """The second half of a sequence is what its own scan gives plus the decayed state of the first half."""
    inputs, _ = make_inputs(1, 6, 30, 4, extras=False, softplus=False)
    whole, end = selective_scan(**inputs, return_last_state=True, backend=backend)
    cut = {name: x if x is None or name == 'A' else x[..., :13] for name, x in inputs.items()}
    rest = {name: x if x is None or name == 'A' else x[..., 13:] for name, x in inputs.items()}
    _, state = selective_scan(**cut, return_last_state=True, backend=backend)
    tail, tail_state = selective_scan(**rest, return_last_state=True, backend=backend)
    decay = torch.exp(rest['delta'].cumsum(-1)[:, :, None] * inputs['A'][None, :, :, None])  # (B, D, N, L)
    carried = (decay * state[..., None] * rest['C'][:, None]).sum(2)
    torch.testing.assert_close(tail + carried, whole[..., 13:])
    torch.testing.assert_close(tail_state + decay[..., -1] * state, end)


@pytest.mark.parametrize('backend', FAST)
def test_closed_form(backend):
    """Constant input: a geometric series, computed without any scan."""
    length, rate, step = 50, 0.7, 0.2
    ones = torch.ones(1, 1, length)
    out = selective_scan(ones, step * ones, torch.tensor([[-rate]]), ones, 2 * ones, backend=backend)
    powers = torch.exp(-rate * step * torch.arange(length, dtype=torch.float64))
    expected = 2 * step * powers.cumsum(0)
    torch.testing.assert_close(out[0, 0].double(), expected, rtol=1e-6, atol=0)


@needs_extension
@pytest.mark.parametrize('threads', [1, 2])
def test_cpu_is_deterministic(threads):
    before = torch.get_num_threads()
    inputs, softplus = make_inputs(2, 100, 700, 16, dtype=torch.float32)
    reference = run(inputs, softplus, 'cpu')
    try:
        torch.set_num_threads(threads)
        for _ in range(3):
            again = run(inputs, softplus, 'cpu')
            for first, second in zip(reference, again):
                assert all(torch.equal(first[name], second[name]) for name in first)
    finally:
        torch.set_num_threads(before)


def bad_inputs():
    """(what is changed, words the message must have)."""
    def shape(name, *size):
        return lambda x: x.update({name: torch.randn(*size)})

    return [
        (shape('u', 2, 6), 'u must be'),
        (shape('u', 2, 6, 0), 'token'),
        (shape('delta', 2, 6, 8), 'delta'),
        (shape('z', 2, 5, 9), 'z must'),
        (shape('A', 5, 4), 'A must'),
        (shape('A', 6, 257), '257'),
        (shape('B', 2, 3, 9), 'B must'),
        (shape('C', 2, 4, 4, 9), 'C must'),
        (shape('B', 2, 2, 4, 9), 'groups'),
        (shape('D', 5), 'D must'),
        (shape('delta_bias', 6, 1), 'delta_bias'),
        (lambda x: x.update(A=x['A'].to(torch.complex64)), 'complex'),
        (lambda x: x.update(B=x['B'].double()), 'B is'),
        (lambda x: x.update(delta=x['delta'].half()), 'delta is'),
        (lambda x: x.update(A=x['A'].double()), 'A is'),
        (lambda x: x.update(u=x['u'].long()), 'u must be float'),
        (lambda x: x.update(C=x['C'].to('meta')), 'device'),
        (lambda x: x.update(D=x['D'].to('meta')), 'D is on'),
    ]


@pytest.mark.parametrize('backend', ['naive', 'chunked', 'cpu', 'triton', 'auto'])
@pytest.mark.parametrize('change, words', bad_inputs())
def test_bad_input_is_one_clear_sentence(backend, change, words):
    inputs, _ = make_inputs(2, 6, 9, 4, dtype=torch.float32)
    change(inputs)
    with pytest.raises(ValueError) as error:
        selective_scan(**inputs, backend=backend)
    assert words in str(error.value) and '\n' not in str(error.value)
