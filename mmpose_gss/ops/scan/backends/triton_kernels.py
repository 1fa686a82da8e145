"""Triton kernels of the selective scan; imported by triton.py only when that backend runs.

Legend: B batch, D channels, L tokens, N states, G groups of channels sharing B and C, K scan orders, S
parameter sets (stride 0 over orders when shared). One program scans one order of one batch entry for BD
channels, CH tokens at a time, by an associative scan over (decay, input, start of sequence). Starts are
selected, not multiplied by zero, so that a NaN stays in its sequence.

Only core operations of the language are called: the library functions written in Triton itself (sum, zeros,
...) cannot be interpreted when triton was imported before TRITON_INTERPRET was set.
"""
import triton
import triton.language as tl

# What the interpreter replaces by a scan of its own, see triton.py.
associative_scan = tl.associative_scan


@triton.jit
def _step(decay1, value1, start1, decay2, value2, start2):
    """Compose two stretches of the recurrence, the first one earlier."""
    decay = tl.where(start2 > 0, decay2, decay1 * decay2)
    value = tl.where(start2 > 0, value2, value1 * decay2 + value2)
    return decay, value, start1 | start2


@triton.jit
def _softplus(x):
    e = tl.exp(-tl.abs(x))
    w = 1.0 + e
    # log1p by Kahan's correction of the rounding of 1 + e
    log1p = tl.where(w == 1.0, e, tl.log(w) * e / tl.where(w == 1.0, 1.0, w - 1.0))
    return tl.where(x > 0, x, 0.0) + log1p


@triton.jit
def _token(index, first, row, pos, length, HAS_INDEX: tl.constexpr):
    """Token at each position and whether a sequence starts there."""
    inside = pos < length
    if HAS_INDEX:
        token = tl.load(index + row + pos, mask=inside, other=0).to(tl.int64)
        start = tl.load(first + row + pos, mask=inside, other=0).to(tl.int32)
    else:
        token = tl.where(inside, pos, 0).to(tl.int64)
        start = tl.where(pos == 0, 1, 0)
    return token, start


@triton.jit
def _load_delta(delta, bias, token, channel, ok, stride_l, stride_d, SOFTPLUS: tl.constexpr,
                ACC: tl.constexpr):
    """Delta (CH, BD) with bias and softplus, and before softplus; 0 where not ok."""
    raw = tl.load(delta + token[:, None] * stride_l + channel[None, :] * stride_d, mask=ok, other=0.0).to(ACC)
    raw = raw + bias[None, :]
    value = raw
    if SOFTPLUS:
        value = _softplus(raw)
    return tl.where(ok, value, 0.0), raw


@triton.jit
def _place(group_dim, states, BD: tl.constexpr, BN: tl.constexpr):
    """What this program scans: group, batch entry, order, channels (BD) and states (BN) with their masks."""
    per_group = (group_dim + BD - 1) // BD
    group = tl.program_id(0) // per_group
    inner = (tl.program_id(0) % per_group) * BD + tl.arange(0, BD)
    state = tl.arange(0, BN)
    return (group, tl.program_id(1).to(tl.int64), tl.program_id(2).to(tl.int64), group * group_dim + inner,
            inner < group_dim, state, state < states)


@triton.jit
def _load_layer(A, D, bias, k, channel, has_channel, state, ok_dn, A_k, A_d, A_n, D_k, bias_k,
                HAS_D: tl.constexpr, HAS_BIAS: tl.constexpr, ACC: tl.constexpr, BD: tl.constexpr):
    """A (BD, BN), D (BD) and the bias of delta (BD) of an order; 0 for what is missing."""
    decay_rate = tl.load(A + k * A_k + channel[:, None] * A_d + state[None, :] * A_n, mask=ok_dn,
                         other=0.0).to(ACC)
    skip = tl.full((BD,), 0.0, ACC)
    if HAS_D:
        skip = tl.load(D + k * D_k + channel, mask=has_channel, other=0.0).to(ACC)
    shift = tl.full((BD,), 0.0, ACC)
    if HAS_BIAS:
        shift = tl.load(bias + k * bias_k + channel, mask=has_channel, other=0.0).to(ACC)
    return decay_rate, skip, shift


@triton.jit
def _load_rows(x, token, column, ok, stride_l, stride_c, ACC: tl.constexpr):
    """Rows of some tokens (CH, columns); 0 where not ok."""
    return tl.load(x + token[:, None] * stride_l + column[None, :] * stride_c, mask=ok, other=0.0).to(ACC)


@triton.jit
def _scan_chunk(dt, x, Bt, decay_rate, start, h):
    """Inputs and states (CH, BD, BN) of a chunk that starts from the state h (BD, BN)."""
    decay = tl.exp(dt[:, :, None] * decay_rate[None, :, :])
    value = (dt * x)[:, :, None] * Bt[:, None, :]
    starts = tl.where(value == value, start[:, None, None], start[:, None, None])
    decays, values, seen = associative_scan((decay, value, starts), 0, _step)
    return value, tl.where(seen > 0, values, decays * h[None, :, :] + values)


@triton.jit
def _load_tokens(u, B, C, token, channel, ok, state, ok_n, u_l, u_d, B_l, B_n, C_l, C_n, ACC: tl.constexpr):
    """Input (CH, BD), B and C (CH, BN) of the tokens of a chunk."""
    x = _load_rows(u, token, channel, ok, u_l, u_d, ACC)
    Bt = _load_rows(B, token, state, ok_n, B_l, B_n, ACC)
    return x, Bt, _load_rows(C, token, state, ok_n, C_l, C_n, ACC)


@triton.jit
def _state_gradients(dt_next, start_next, grad, Ct, decay_rate, carry, row):
    """Gradients of a chunk's states (CH, BD, BN), from behind, and of the first one's, which is carried on.

    The decay that belongs to a gradient is the next position's.
    """
    decay = tl.exp(dt_next[:, :, None] * decay_rate[None, :, :])
    flow = grad[:, :, None] * Ct[:, None, :]
    starts = tl.where(flow == flow, start_next[:, None, None], start_next[:, None, None])
    decays, flows, seen = associative_scan((decay, flow, starts), 0, _step, reverse=True)
    dh = tl.where(seen > 0, flows, decays * carry[None, :, :] + flows)
    return dh, tl.reduce(tl.where((row == 0)[:, None, None], dh, 0.0), 0, tl.standard._sum_combine)


@triton.jit
def _token_gradients(dh, kept, x, dt, raw, Bt, grad, decay_rate, skip, ok, SOFTPLUS: tl.constexpr):
    """Gradients of input and delta (CH, BD); ``kept`` is the share of the previous state in each state."""
    by_B = tl.reduce(dh * Bt[:, None, :], 2, tl.standard._sum_combine)
    by_dt = x * by_B + tl.reduce(dh * kept * decay_rate[None, :, :], 2, tl.standard._sum_combine)
    if SOFTPLUS:
        by_dt = by_dt / (1.0 + tl.exp(-raw))
    return dt * by_B + skip[None, :] * grad, tl.where(ok, by_dt, 0.0)


@triton.jit
def _store_layer(dA, dD, dbias, place, state, states, sum_A, sum_D, sum_bias, ok_dn, has_channel):
    """Store the gradients of A (BD, BN), D (BD) and the bias (BD) of an order and batch entry."""
    tl.store(dA + place[:, None] * states + state[None, :], sum_A, mask=ok_dn)
    tl.store(dD + place, sum_D, mask=has_channel)
    tl.store(dbias + place, sum_bias, mask=has_channel)


@triton.jit
def _put(target, value, ok, ADD: tl.constexpr):
    """Store, or add to what other programs add."""
    if ADD:
        tl.atomic_add(target, value, mask=ok)
    else:
        tl.store(target, value, mask=ok)


@triton.jit
def scan_forward(u, delta, A, B, C, D, bias, index, first, merge, y, last, boundary, batch, length, dim,
                 group_dim, states, chunks, u_k, u_b, u_l, u_d, delta_k, delta_b, delta_l, delta_d, A_k, A_d,
                 A_n, B_k, B_b, B_l, B_g, B_n, C_k, C_b, C_l, C_g, C_n, D_k, bias_k, y_m, y_b, y_l, y_d,
                 HAS_D: tl.constexpr, HAS_BIAS: tl.constexpr, HAS_INDEX: tl.constexpr, SOFTPLUS: tl.constexpr,
                 ADD: tl.constexpr, KEEP: tl.constexpr, LAST: tl.constexpr, ACC: tl.constexpr,
                 CH: tl.constexpr, BD: tl.constexpr, BN: tl.constexpr):
    """Scan forward; grid (blocks of channels over all groups, B, K)."""
    group, b, k, channel, has_channel, state, has_state = _place(group_dim, states, BD, BN)
    ok_dn = has_channel[:, None] & has_state[None, :]
    decay_rate, skip, shift = _load_layer(A, D, bias, k, channel, has_channel, state, ok_dn, A_k, A_d, A_n,
                                          D_k, bias_k, HAS_D, HAS_BIAS, ACC, BD)
    u += k * u_k + b * u_b
    delta += k * delta_k + b * delta_b
    B += k * B_k + b * B_b + group * B_g
    C += k * C_k + b * C_b + group * C_g
    y += tl.load(merge + k) * y_m + b * y_b
    row = tl.arange(0, CH)
    h = tl.full((BD, BN), 0.0, ACC)
    for chunk in range(0, chunks):
        pos = chunk * CH + row
        inside = pos < length
        token, start = _token(index, first, k * length, pos, length, HAS_INDEX)
        ok = inside[:, None] & has_channel[None, :]
        if KEEP:
            place = ((k * batch + b) * chunks + chunk) * dim
            tl.store(boundary + (place + channel[:, None]) * states + state[None, :], h, mask=ok_dn)
        dt, _ = _load_delta(delta, shift, token, channel, ok, delta_l, delta_d, SOFTPLUS, ACC)
        ok_n = inside[:, None] & has_state[None, :]
        x, Bt, Ct = _load_tokens(u, B, C, token, channel, ok, state, ok_n, u_l, u_d, B_l, B_n, C_l, C_n, ACC)
        _, hs = _scan_chunk(dt, x, Bt, decay_rate, start, h)
        out = tl.reduce(hs * Ct[:, None, :], 2, tl.standard._sum_combine) + skip[None, :] * x
        _put(y + token[:, None] * y_l + channel[None, :] * y_d, out, ok, ADD)
        h = tl.reduce(tl.where((row == CH - 1)[:, None, None], hs, 0.0), 0, tl.standard._sum_combine)
    if LAST:
        tl.store(last + (b * dim + channel[:, None]) * states + state[None, :], h, mask=ok_dn)


@triton.jit
def scan_backward(u, delta, A, B, C, D, bias, index, first, merge, dy, dlast, boundary, du, ddelta, dA, dB,
                  dC, dD, dbias, batch, length, dim, group_dim, states, chunks, u_k, u_b, u_l, u_d, delta_k,
                  delta_b, delta_l, delta_d, A_k, A_d, A_n, B_k, B_b, B_l, B_g, B_n, C_k, C_b, C_l, C_g, C_n,
                  D_k, bias_k, dy_m, dy_b, dy_l, dy_d, du_k, du_b, du_l, du_d, ddelta_k, ddelta_b, ddelta_l,
                  ddelta_d, dB_k, dB_b, dB_l, dB_g, dC_k, dC_b, dC_l, dC_g, HAS_D: tl.constexpr,
                  HAS_BIAS: tl.constexpr, HAS_INDEX: tl.constexpr, SOFTPLUS: tl.constexpr, LAST: tl.constexpr,
                  ADD_U: tl.constexpr, ADD_DELTA: tl.constexpr, ACC: tl.constexpr, CH: tl.constexpr,
                  BD: tl.constexpr, BN: tl.constexpr):
    """Scan backward from the states at chunk boundaries; same grid. dB and dC are added to atomically."""
    group, b, k, channel, has_channel, state, has_state = _place(group_dim, states, BD, BN)
    ok_dn = has_channel[:, None] & has_state[None, :]
    decay_rate, skip, shift = _load_layer(A, D, bias, k, channel, has_channel, state, ok_dn, A_k, A_d, A_n,
                                          D_k, bias_k, HAS_D, HAS_BIAS, ACC, BD)
    u += k * u_k + b * u_b
    delta += k * delta_k + b * delta_b
    B += k * B_k + b * B_b + group * B_g
    C += k * C_k + b * C_b + group * C_g
    dB += k * dB_k + b * dB_b + group * dB_g
    dC += k * dC_k + b * dC_b + group * dC_g
    du += k * du_k + b * du_b
    ddelta += k * ddelta_k + b * ddelta_b
    dy += tl.load(merge + k) * dy_m + b * dy_b
    row = tl.arange(0, CH)
    carry = tl.full((BD, BN), 0.0, ACC)
    if LAST:
        carry = tl.load(dlast + (b * dim + channel[:, None]) * states + state[None, :], mask=ok_dn,
                        other=0.0).to(ACC)
    sum_A = tl.full((BD, BN), 0.0, ACC)
    sum_D = tl.full((BD,), 0.0, ACC)
    sum_bias = tl.full((BD,), 0.0, ACC)
    for turn in range(0, chunks):
        chunk = chunks - 1 - turn
        pos = chunk * CH + row
        inside = pos < length
        token, start = _token(index, first, k * length, pos, length, HAS_INDEX)
        ok = inside[:, None] & has_channel[None, :]
        dt, raw = _load_delta(delta, shift, token, channel, ok, delta_l, delta_d, SOFTPLUS, ACC)
        grad = _load_rows(dy, token, channel, ok, dy_l, dy_d, ACC)
        ok_n = inside[:, None] & has_state[None, :]
        x, Bt, Ct = _load_tokens(u, B, C, token, channel, ok, state, ok_n, u_l, u_d, B_l, B_n, C_l, C_n, ACC)
        # States again, from the chunk's first one.
        place = ((k * batch + b) * chunks + chunk) * dim
        h = tl.load(boundary + (place + channel[:, None]) * states + state[None, :], mask=ok_dn, other=0.0)
        value, hs = _scan_chunk(dt, x, Bt, decay_rate, start, h)
        token_, start_ = _token(index, first, k * length, pos + 1, length, HAS_INDEX)
        ok_ = (pos + 1 < length)[:, None] & has_channel[None, :]
        dt_, _ = _load_delta(delta, shift, token_, channel, ok_, delta_l, delta_d, SOFTPLUS, ACC)
        dh, carry = _state_gradients(dt_, start_, grad, Ct, decay_rate, carry, row)
        kept = hs - value
        by_u, by_dt = _token_gradients(dh, kept, x, dt, raw, Bt, grad, decay_rate, skip, ok, SOFTPLUS)
        sum_A += tl.reduce(dh * kept * dt[:, :, None], 0, tl.standard._sum_combine)
        sum_D += tl.reduce(grad * x, 0, tl.standard._sum_combine)
        sum_bias += tl.reduce(by_dt, 0, tl.standard._sum_combine)
        _put(du + token[:, None] * du_l + channel[None, :] * du_d, by_u, ok, ADD_U)
        _put(ddelta + token[:, None] * ddelta_l + channel[None, :] * ddelta_d, by_dt, ok, ADD_DELTA)
        by_n = tl.reduce(dh * (dt * x)[:, :, None], 1, tl.standard._sum_combine)
        tl.atomic_add(dB + token[:, None] * dB_l + state[None, :], by_n, mask=ok_n)
        by_n = tl.reduce(hs * grad[:, :, None], 1, tl.standard._sum_combine)
        tl.atomic_add(dC + token[:, None] * dC_l + state[None, :], by_n, mask=ok_n)
    _store_layer(dA, dD, dbias, (k * batch + b) * dim + channel, state, states, sum_A, sum_D, sum_bias, ok_dn,
                 has_channel)
