"""GLSMamba's blocks against plain formulas."""
import pytest
import torch
import torch.nn.functional as F
from torchvision.ops import deform_conv2d as torchvision_deform_conv2d

from mmpose_gss.models.glsmamba.blocks import GSM, LRM, STS6D, WSTS, GateStream, SequentialChannelAttention
from mmpose_gss.models.glsmamba.stmm import STMM, ModulationBranch, SumMerge, build_merge
from mmpose_gss.models.layers.selective_scan import SelectiveScan

B, T, H, W, D, N = 2, 3, 4, 5, 8, 4
SCAN = dict(d_state=N, dt_rank=2)


def tokens(*shape, seed=0):
    return torch.randn(*(shape or (B, T, H, W, D)), generator=torch.Generator().manual_seed(seed))


def plain_scan(s6, sequence):
    """The recurrence of an S6 over ``(L,D)`` tokens, one step after the other."""
    n, rank = s6.A_log.shape[1], s6.dt_proj_weight.shape[1]
    a = -s6.A_log.exp()
    state, out = torch.zeros_like(a), []
    for u in sequence:
        dt, b, c = (s6.x_proj_weight @ u).split([rank, n, n])
        delta = F.softplus(s6.dt_proj_weight @ dt + s6.dt_bias)[:, None]
        state = torch.exp(delta * a) * state + delta * b * u[:, None]
        out.append(state @ c + s6.D * u)
    return torch.stack(out)


def scan_in_order(s6, x, visits):
    """Scan one sample ``(T,H,W,D)`` along visited places ``[(t,h,w), ...]`` and put the results back."""
    out = torch.zeros_like(x)
    for place, value in zip(visits, plain_scan(s6, torch.stack([x[place] for place in visits]))):
        out[place] = value
    return out


FRAMES, ROWS, COLUMNS = range(T), range(H), range(W)
VISITS = dict(
    unified=([(t, h, w) for h in ROWS for t in FRAMES for w in COLUMNS],
             [(t, h, w) for t in FRAMES for w in COLUMNS for h in ROWS]),
    spatial=([(t, h, w) for t in FRAMES for h in ROWS for w in COLUMNS],
             [(t, h, w) for t in FRAMES for h in ROWS for w in COLUMNS][::-1]),
    temporal=([(t, h, w) for h in ROWS for w in COLUMNS for t in FRAMES],
              [(t, h, w) for h in ROWS for w in COLUMNS for t in FRAMES][::-1]))


def test_sts6d_visits_the_tokens_in_the_six_orders():
    torch.manual_seed(0)
    scans = STS6D(D, scan=SCAN)
    x = tokens()
    with torch.no_grad():
        found = scans(x)
        assert list(found) == ['unified', 'spatial', 'temporal']
        for name, (one, other) in VISITS.items():
            for b in range(B):
                expected = scan_in_order(scans.s6, x[b], one) + scan_in_order(scans.s6, x[b], other)
                torch.testing.assert_close(found[name][b], expected, rtol=1e-4, atol=1e-4)


def test_sts6d_orders_share_their_parameters():
    def size(*scans):
        return sum(p.numel() for p in STS6D(D, scans).parameters())
    assert size('unified') == size('unified', 'spatial') == size('unified', 'spatial', 'temporal')


@pytest.mark.parametrize('scans', [(), ('unified', 'unified'), ('diagonal', )])
def test_sts6d_refuses_unknown_scans(scans):
    with pytest.raises(ValueError, match='spatial'):
        STS6D(D, scans)


def test_reversing_time_exchanges_the_directions_of_the_temporal_scan():
    # With one pixel the temporal order is time itself, and its reverse is time backwards.
    torch.manual_seed(0)
    s6 = SelectiveScan(D, ('temporal', 'temporal_reversed'), merge=(0, 1), **SCAN)
    x = tokens(B, T, 1, 1, D)
    forward, backward = s6(x)
    forward_of_reversed, backward_of_reversed = s6(x.flip(1))
    torch.testing.assert_close(forward_of_reversed, backward.flip(1))
    torch.testing.assert_close(backward_of_reversed, forward.flip(1))
    assert not torch.allclose(forward, backward)


def test_turning_the_whole_block_of_tokens_exchanges_all_pairs():
    # A half turn of space and time together reverses every one of these orders.
    torch.manual_seed(0)
    pairs = ('spatial', 'spatial_reversed', 'temporal', 'temporal_reversed', 'window(2,3)',
             'window_reversed(2,3)')
    s6 = SelectiveScan(D, pairs, merge=range(6), **SCAN)
    x = tokens(B, T, 4, 6, D)
    ahead, turned = s6(x), s6(x.flip(1, 2, 3)).flip(2, 3, 4)
    for i in (0, 2, 4):
        torch.testing.assert_close(turned[i], ahead[i + 1])
        torch.testing.assert_close(turned[i + 1], ahead[i])


def test_wsts_scans_each_tube_by_itself_also_at_the_border():
    torch.manual_seed(0)
    wsts, x = WSTS(D, window=(3, 2), scan=SCAN), tokens()
    with torch.no_grad():
        found = wsts(x)
        for top in range(0, H, 3):
            for left in range(0, W, 2):
                visits = [(t, h, w) for t in FRAMES for h in range(top, min(top + 3, H))
                          for w in range(left, min(left + 2, W))]
                expected = scan_in_order(wsts.s6, x[1], visits) + scan_in_order(wsts.s6, x[1], visits[::-1])
                for place in visits:
                    torch.testing.assert_close(found[1][place], expected[place], rtol=1e-4, atol=1e-4)


def test_border_tubes_equal_padding_that_leaves_the_state_alone():
    """Padding with delta = 0 inside the scan, the alternative to smaller tubes, gives the same real
    tokens."""
    torch.manual_seed(0)
    wsts, x = WSTS(D, window=(3, 2), scan=SCAN), tokens()
    s6, found = wsts.s6, wsts(x)
    padded = F.pad(x, (0, 0, 0, 1, 0, 2), value=7.)  # to 6 rows and 6 columns; any value
    real = F.pad(torch.ones(H, W, dtype=torch.bool), (0, 1, 0, 2))
    rank, a = s6.dt_proj_weight.shape[1], -s6.A_log.exp()
    visits = [(t, h, w) for t in FRAMES for h in range(3, 6) for w in range(4, 6)]  # the tube in the corner
    for order in (visits, visits[::-1]):
        state, out = torch.zeros_like(a), {}
        for place in order:
            u = padded[0][place]
            dt, b, c = (s6.x_proj_weight @ u).split([rank, N, N])
            delta = F.softplus(s6.dt_proj_weight @ dt + s6.dt_bias)[:, None] * real[place[1:]]
            state = torch.exp(delta * a) * state + delta * b * u[:, None]
            out[place] = state @ c + s6.D * u
        if order is visits:
            ahead = out
    for place in visits:
        if real[place[1:]]:
            torch.testing.assert_close(found[0][place], ahead[place] + out[place], rtol=1e-4, atol=1e-4)


def test_wsts_window_larger_than_the_map_is_one_tube():
    torch.manual_seed(0)
    wsts, x = WSTS(D, window=(8, 6), scan=SCAN), tokens()
    whole = SelectiveScan(D, ('spatial', 'spatial_reversed'), merge=(0, 0), **SCAN)
    whole.load_state_dict(wsts.s6.state_dict())
    torch.testing.assert_close(wsts(x), whole(x)[0])


@pytest.mark.parametrize('window', [(0, 6), (8, ), (2, -1)])
def test_wsts_refuses_bad_windows(window):
    with pytest.raises(ValueError, match='window'):
        WSTS(D, window=window)


def test_scan_conv_changes_the_scan_and_has_parameters():
    torch.manual_seed(0)
    plain, conv = (WSTS(D, scan=dict(SCAN, conv=name)) for name in (None, 'causal1d'))
    assert {name for name, _ in conv.named_parameters()} - {name for name, _ in plain.named_parameters()} == {
        's6.conv_weight', 's6.conv_bias'}
    conv.load_state_dict(plain.state_dict(), strict=False)
    assert not torch.allclose(conv(tokens()), plain(tokens()))
    conv(tokens()).square().sum().backward()
    assert conv.s6.conv_weight.grad.abs().sum() > 0
    with pytest.raises(ValueError, match='scan.conv'):
        WSTS(D, scan=dict(conv='conv1d'))


def test_channel_attention_is_the_formula_and_sees_all_frames():
    torch.manual_seed(0)
    sca, x = SequentialChannelAttention(D, T), tokens()
    pooled = torch.cat([x[:, t].mean((1, 2)) for t in range(T)], dim=1)
    weights = sca.excite(F.gelu(sca.squeeze(pooled))).sigmoid()
    assert sca.squeeze.out_features == round(0.45 * T * D)
    for t in range(T):
        torch.testing.assert_close(sca(x)[:, t], x[:, t] * weights[:, None, None, t * D:(t + 1) * D])
    changed = x.clone()
    changed[:, 0] += 1
    assert not torch.allclose(sca.weights(x)[:, 2], sca.weights(changed)[:, 2])


def test_gate_is_convolution_norm_silu_of_each_frame():
    torch.manual_seed(0)
    gate, x = GateStream(D), tokens()
    for t in range(T):
        local = gate.conv(x[:, t].permute(0, 3, 1, 2).contiguous()).permute(0, 2, 3, 1)
        torch.testing.assert_close(gate(x)[:, t], F.silu(gate.norm(local)), rtol=1e-4, atol=1e-5)
    assert gate.conv.groups == D


def test_modulation_is_a_deformable_convolution_guided_by_the_other_scan():
    torch.manual_seed(0)
    branch = ModulationBranch(D)
    torch.nn.init.normal_(branch.offset_and_mask.weight, std=0.5)
    unified, guide = tokens(seed=1), tokens(seed=2)
    found = branch(unified, guide)
    for t in range(T):
        y, g = (z[:, t].permute(0, 3, 1, 2).contiguous() for z in (unified + guide, guide))
        layer = branch.offset_and_mask
        both = F.conv2d(branch.guide_conv(g), layer.weight[:, :, None, None], layer.bias)
        offset, mask = both[:, :18].contiguous(), both[:, 18:].sigmoid()
        moved = torchvision_deform_conv2d(y,
                                          offset,
                                          branch.kernel.weight,
                                          branch.kernel.bias,
                                          padding=1,
                                          mask=mask)
        gain = branch.excite(F.gelu(branch.squeeze(g.mean((2, 3))))).sigmoid()
        torch.testing.assert_close(
            found[:, t], (moved * gain[:, :, None, None]).permute(0, 2, 3, 1), rtol=1e-4, atol=1e-4)


def test_modulation_gradients_equal_torchvisions():
    torch.manual_seed(0)
    branch = ModulationBranch(D)
    torch.nn.init.normal_(branch.offset_and_mask.weight, std=0.5)
    inputs = [tokens(1, 2, 4, 5, D, seed=i).requires_grad_() for i in (1, 2)]
    seed = tokens(1, 2, 4, 5, D, seed=3)
    wanted = [*inputs, *branch.parameters()]
    found = torch.autograd.grad(branch(*inputs), wanted, seed)
    import mmpose_gss.models.glsmamba.stmm as module
    own, module.deform_conv2d = module.deform_conv2d, torchvision_deform_conv2d
    try:
        expected = torch.autograd.grad(branch(*inputs), wanted, seed)
    finally:
        module.deform_conv2d = own
    for one, other in zip(found, expected):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


def test_stmm_adds_one_compensation_per_guide():
    torch.manual_seed(0)
    merge = STMM(D)
    scanned = {name: tokens(seed=i) for i, name in enumerate(('unified', 'spatial', 'temporal'))}
    expected = scanned['unified'] + sum(
        merge.branches[name](scanned['unified'], scanned[name]) for name in ('spatial', 'temporal'))
    torch.testing.assert_close(merge(scanned), expected)
    torch.testing.assert_close(SumMerge()(scanned), sum(scanned.values()))


def test_build_merge_needs_the_unified_scan_for_stmm():
    assert isinstance(build_merge('sum', D, ('spatial', 'temporal')), SumMerge)
    assert list(build_merge('stmm', D, ('unified', 'temporal')).branches) == ['temporal']
    with pytest.raises(ValueError, match="merge='sum'"):
        build_merge('stmm', D, ('spatial', 'temporal'))
    with pytest.raises(ValueError, match="'stmm' or 'sum'"):
        build_merge('mean', D, ('unified', ))


@pytest.mark.parametrize('block', [GSM(D, T, scan=SCAN), LRM(D, (2, 2), SCAN)], ids=['GSM', 'LRM'])
def test_blocks_multiply_two_streams_and_add_an_ffn(block):
    x = tokens()
    y = block.norm1(x)
    mixed = x + block.out_proj(block.main(y) * block.gate(y))
    torch.testing.assert_close(block(x), mixed + block.ffn(block.norm2(mixed)))
    block(x).square().sum().backward()
    silent = [name for name, p in block.named_parameters() if p.grad is None or not p.grad.abs().sum()]
    # The offset network starts at zero, so what lies before it learns from the second step on.
    assert all('guide_conv' in name for name in silent)
