"""Operators count themselves, and run on shapes alone."""
from contextlib import contextmanager

import pytest
import torch

from mmpose_gss.ops import causal_conv1d, deform_conv2d, ordered_scan, selective_scan
from mmpose_gss.ops.flops import MultiplyAdds, count_into


def collector(counts):
    @contextmanager
    def listen(count):
        counts.append(count)
        yield
    return listen


def calls(device, separate=False):
    """Each operator with its arguments and its count, by hand."""
    def normal(*shape):
        return torch.randn(*shape, device=device)

    sets = (2, ) if separate else ()
    scan = [normal(*sets, 10, 8), normal(*sets, 8, 2), normal(*sets, 8),
            -torch.rand(*sets, 8, 4, device=device), normal(*sets, 8)]
    tokens, projections = 2 * 3 * 4 * 5, 8 * (10 + 2)
    scans = tokens * 2 * 8 * (4 * 4 + 1)
    yield (lambda: ordered_scan(normal(2, 3, 4, 5, 8), ('spatial', 'temporal'), *scan, merge=(0, 0)),
           MultiplyAdds(0, scans + 2 * tokens * projections) if separate
           else MultiplyAdds(tokens * projections, scans))
    yield (lambda: selective_scan(normal(2, 8, 7), normal(2, 8, 7), scan[3].view(-1, 4)[:8], normal(2, 4, 7),
                                  normal(2, 4, 7), None), MultiplyAdds(0, 2 * 8 * 7 * 16))
    yield (lambda: deform_conv2d(normal(1, 8, 5, 6), normal(1, 18, 5, 6), normal(8, 1, 3, 3), padding=1),
           MultiplyAdds(0, 30 * 9 * 8 * 4 + 30 * 9 * 8))
    yield lambda: causal_conv1d(normal(2, 8, 7), normal(8, 4)), MultiplyAdds(2 * 8 * 7 * 4, 0)


@pytest.mark.parametrize('separate', [False, True])
@pytest.mark.parametrize('device', ['cpu', 'meta'])
def test_counts_by_hand(device, separate):
    for call, count in calls(device, separate):
        counts = []
        with count_into(collector(counts)):
            call()
        assert counts == [count]


def test_nobody_listens_outside():
    counts = []
    with count_into(collector(counts)):
        pass
    for call, _ in calls('cpu'):
        call()
    assert counts == []


def test_shapes_without_numbers_are_those_with():
    for (real, _), (meta, _) in zip(calls('cpu'), calls('meta')):
        found = meta()
        assert found.is_meta and found.shape == real().shape and found.dtype == torch.float32


def test_formula_stands_beside_the_operator():
    x, weight = torch.empty(2, 8, 7, device='meta'), torch.empty(8, 4, device='meta')
    assert causal_conv1d.multiply_adds(x, weight) == MultiplyAdds(layers=2 * 8 * 7 * 4)
