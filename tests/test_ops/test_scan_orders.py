"""Scan orders against hand-written loops."""
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmpose_gss.ops import (
    GLSMAMBA_ORDERS,
    GLSMAMBA_WINDOW_ORDERS,
    POSEMAMBA_ORDERS,
    ScanOrder,
    get_scan_order,
    merge_groups,
)

NAMES = ['unified_horizontal', 'unified_vertical', 'spatial', 'temporal', 'window(8,6)', 'window(2,3)']


def walk(name, T, H, W):
    """The order as its definition reads: a list of sequences of (t, h, w)."""
    if name == 'unified_horizontal':  # rows of the panorama of T frames side by side
        return [[(column // W, h, column % W) for h in range(H) for column in range(T * W)]]
    if name == 'unified_vertical':
        return [[(column // W, h, column % W) for column in range(T * W) for h in range(H)]]
    if name == 'spatial':
        return [[(t, h, w) for t in range(T) for h in range(H) for w in range(W)]]
    if name == 'temporal':
        return [[(t, h, w) for h in range(H) for w in range(W) for t in range(T)]]
    rows, columns = (int(part) for part in name[len('window('):-1].split(','))
    return [[(t, h, w) for t in range(T) for h in range(top, min(top + rows, H))
             for w in range(left, min(left + columns, W))]
            for top in range(0, H, rows) for left in range(0, W, columns)]


@pytest.mark.parametrize('name', NAMES)
@settings(max_examples=20, deadline=None)
@given(grid=st.tuples(st.integers(1, 5), st.integers(1, 17), st.integers(1, 13)))
def test_definition_inverse_and_reverse(name, grid):
    T, H, W = grid
    sequences = [[(t * H + h) * W + w for t, h, w in sequence] for sequence in walk(name, T, H, W)]
    order = get_scan_order(name, T, H, W)
    assert order.index.tolist() == sum(sequences, [])
    assert order.lengths.tolist() == [len(sequence) for sequence in sequences]
    assert order.inverse[order.index].tolist() == list(range(T * H * W))
    assert order.first.nonzero().flatten().tolist() == order.starts.tolist()
    turned = get_scan_order(f'{name}_reversed', T, H, W)
    cuts = [*turned.starts.tolist(), T * H * W]
    found = {tuple(turned.index[a:b].tolist()) for a, b in zip(cuts, cuts[1:])}
    assert found == {tuple(reversed(sequence)) for sequence in sequences}
    assert torch.equal(turned.reversed().index, order.index)


def test_named_sets():
    for names, grid in ((GLSMAMBA_ORDERS, (5, 64, 48)), (GLSMAMBA_WINDOW_ORDERS, (5, 64, 48)),
                        (POSEMAMBA_ORDERS, (9, 1, 17))):
        orders = [get_scan_order(name, *grid) for name in names]
        for order in orders:
            assert order.index.sort().values.tolist() == list(range(order.index.numel()))
        assert len({tuple(order.index.tolist()) for order in orders}) == len(names)
    windows = get_scan_order('window(8,6)', 5, 64, 48)
    assert windows.lengths.tolist() == [240] * 64
    assert torch.equal(get_scan_order('window_reversed(8,6)', 5, 64, 48).index,
                       get_scan_order('window(8,6)_reversed', 5, 64, 48).index)


def test_time_reversal_swaps_the_temporal_directions():
    order, turned = (get_scan_order(name, 4, 2, 3).index for name in ('temporal', 'temporal_reversed'))
    frame, pixel = order // 6, order % 6
    mirrored = (3 - frame) * 6 + pixel
    assert torch.equal(mirrored.view(6, 4), turned.view(6, 4).flip(0))


def test_posemamba_on_a_joint_grid():
    spatial, temporal = (get_scan_order(name, 3, 1, 4).index.tolist() for name in POSEMAMBA_ORDERS[:2])
    assert spatial == list(range(12))
    assert temporal == [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]


@pytest.mark.parametrize('name', ['', 'diagonal', 'window(8)', 'spatial(2,3)', 'window(0,3)',
                                  'window_reversed(2,2)_reversed', 'Spatial'])
def test_unknown_names(name):
    with pytest.raises(ValueError, match='window' if 'window' in name else 'unknown scan order'):
        get_scan_order(name, 2, 4, 4)


def test_own_orders_are_checked():
    index, start = torch.tensor([2, 0, 1, 3]), torch.tensor([0])
    order = ScanOrder('mine', (1, 2, 2), index, start)
    assert get_scan_order(order, 1, 2, 2) is order
    with pytest.raises(ValueError, match='mine'):
        get_scan_order(order, 2, 2, 1)
    with pytest.raises(ValueError, match='exactly once'):
        ScanOrder('twice', (1, 2, 2), torch.tensor([0, 0, 1, 2]), start)
    with pytest.raises(ValueError, match='shape'):
        ScanOrder('short', (1, 2, 2), torch.tensor([0, 1, 2]), start)
    with pytest.raises(ValueError, match='starts'):
        ScanOrder('cut', (1, 2, 2), index, torch.tensor([0, 4]))
    with pytest.raises(ValueError, match='at least one token'):
        get_scan_order('spatial', 0, 2, 2)
    with pytest.raises(ValueError, match='ScanOrder'):
        get_scan_order(3, 1, 2, 2)


def test_merge_groups():
    assert merge_groups(6) == (0, 1, 2, 0, 1, 2)
    assert merge_groups(1) == (0,)
    assert merge_groups(4, [0, 0, 0, 0]) == (0, 0, 0, 0)
    for count, merge in ((3, None), (2, (0, 2)), (2, (0,)), (2, (-1, 0)), (0, ())):
        with pytest.raises(ValueError, match='merge'):
            merge_groups(count, merge)
