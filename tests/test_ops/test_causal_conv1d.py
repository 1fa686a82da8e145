"""The causal convolution against its definition."""
import pytest
import torch
import torch.nn.functional as F

from mmpose_gss.ops import causal_conv1d


@pytest.mark.parametrize('width, length', [(1, 5), (3, 1), (4, 9)])
@pytest.mark.parametrize('activation', [None, 'silu', 'swish'])
@pytest.mark.parametrize('with_bias', [True, False])
def test_definition(width, length, activation, with_bias):
    x, weight = torch.randn(2, 3, length), torch.randn(3, width)
    bias = torch.randn(3) if with_bias else None
    expected = torch.zeros_like(x)
    for t in range(length):
        for back in range(min(width, t + 1)):
            expected[..., t] += weight[:, width - 1 - back] * x[..., t - back]
    expected = expected if bias is None else expected + bias[:, None]
    expected = F.silu(expected) if activation else expected
    torch.testing.assert_close(causal_conv1d(x, weight, bias, activation), expected)


def test_gradient_and_types():
    leaves = [torch.randn(2, 3, 6, dtype=torch.float64, requires_grad=True),
              torch.randn(3, 4, dtype=torch.float64, requires_grad=True),
              torch.randn(3, dtype=torch.float64, requires_grad=True)]
    assert torch.autograd.gradcheck(lambda *xs: causal_conv1d(*xs, 'silu'), leaves)
    out = causal_conv1d(torch.randn(1, 3, 5).bfloat16(), torch.randn(3, 4), torch.randn(3))
    assert out.dtype == torch.bfloat16
    assert causal_conv1d(torch.randn(0, 3, 5), torch.randn(3, 4)).shape == (0, 3, 5)


@pytest.mark.parametrize('change, words', [
    (dict(activation='relu'), 'activation'), (dict(x=torch.randn(3, 5)), 'x must'),
    (dict(weight=torch.randn(2, 4)), 'weight must'), (dict(bias=torch.randn(2)), 'bias must')])
def test_errors(change, words):
    with pytest.raises(ValueError, match=words):
        causal_conv1d(**{**dict(x=torch.randn(1, 3, 5), weight=torch.randn(3, 4)), **change})
