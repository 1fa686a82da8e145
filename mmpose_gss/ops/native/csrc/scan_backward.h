// The gradient of the selective scan of one panel of channels, for one instruction set.
//
// Included inside an anonymous namespace after scan_kernel.h. Chunks are taken from the last to the first: from the
// state at the chunk's start (stored by the forward pass) the states inside are computed again, kKept at a time, and
// used at once while they are in the first-level cache.

// Scans `count` states from n0 on and keeps every state and decay; adds to the output only if there is a gate.
template <typename T>
template <bool kBounded, bool kGate, int kCount>
void Panel<T>::scan_keep(int64_t b, int64_t n0, int64_t count, const T* before, int t0, int t1) {
  const int64_t states = kCount ? kCount : count, row = states * kBlock;
  const V* __restrict Av = vec(A + b * blk + n0 * kBlock);
  for (int t = t0; t < t1; ++t) {
    const V* hv = vec(t == t0 ? before : post + (t - 1) * row);
    V *out = vec(post + t * row), *dec = vec(decay + t * row);
    V dtv[nv], duv[nv], yv[nv] = {};
    for (int j = 0; j < nv; ++j) {
      dtv[j] = vec(dt)[t * nv + j];
      duv[j] = vec(du)[t * nv + j];
    }
    const T *Bn = Bt + t * N + n0, *Cn = Ct + t * N + n0;
    for (int64_t n = 0; n < states; ++n)
      for (int j = 0; j < nv; ++j) {
        const V d = exp2v<kBounded>(dtv[j] * Av[n * nv + j]);
        const V next = d * hv[n * nv + j] + duv[j] * Bn[n];
        dec[n * nv + j] = d;
        out[n * nv + j] = next;
        if (kGate) yv[j] += next * Cn[n];
      }
    if (kGate)
      for (int j = 0; j < nv; ++j) vec(y)[t * nv + j] += yv[j];
  }
}

// One run of tokens backwards, for the states that scan_keep left.
template <typename T>
template <int kCount>
void Panel<T>::back_run(int64_t b, int64_t n0, int64_t count, const T* before, int t0, int t1) {
  const int64_t states = kCount ? kCount : count, row = states * kBlock;
  const V* __restrict Av = vec(A + b * blk + n0 * kBlock);
  V* __restrict gv = vec(g + b * blk + n0 * kBlock);
  V* __restrict dAv = vec(dA + b * blk + n0 * kBlock);
  for (int t = t1 - 1; t >= t0; --t) {
    const V *now = vec(post + t * row), *prev = vec(t == t0 ? before : post + (t - 1) * row);
    const V* dec = vec(decay + t * row);
    const T *Bn = Bt + t * N + n0, *Cn = Ct + t * N + n0;
    V* __restrict bv = vec(accB) + t * N + n0;
    V* __restrict cv = vec(accC) + t * N + n0;
    V dyv[nv], dtv[nv], duv[nv], s[nv] = {}, w[nv] = {};
    for (int j = 0; j < nv; ++j) {
      dyv[j] = vec(dy)[t * nv + j];
      dtv[j] = vec(dt)[t * nv + j];
      duv[j] = vec(du)[t * nv + j];
    }
    for (int64_t n = 0; n < states; ++n) {
      V sumB = bv[n], sumC = cv[n];
      for (int j = 0; j < nv; ++j) {
        const int64_t i = n * nv + j;
        const V dh = gv[i] + dyv[j] * Cn[n];
        sumC += dyv[j] * now[i];
        sumB += dh * duv[j];
        s[j] += dh * Bn[n];
        const V back = dh * dec[i], through = back * prev[i];
        w[j] += through * Av[i];
        dAv[i] += through * dtv[j];
        gv[i] = back;
      }
      bv[n] = sumB;
      cv[n] = sumC;
    }
    for (int j = 0; j < nv; ++j) {
      vec(du_sum)[t * nv + j] += s[j];
      vec(dt_sum)[t * nv + j] += w[j];
    }
  }
}

// dy through the gate; leaves in z what remains of its gradient but for the factor of the output.
template <typename T>
void Panel<T>::gate_back(int64_t b, int nt) {
  load_tile((const T*)a.z + batch * a.z_b + channel(b) * a.z_d, a.z_d, a.z_l, tok, adjacent, nt, channels(b), z,
            kBlock);
  for (int i = 0; i < nt * nv; ++i) {
    const V zi = vec(z)[i], s = sigmoidv(zi), grad = vec(dy)[i];
    vec(z)[i] = grad * s * (zi * ((T)1 - s) + (T)1);
    vec(dy)[i] = grad * zi * s;
  }
  clear(y, kChunk * kBlock);
}

// Gradient by z: gate_back's factor times the scan's output with its skip.
template <typename T>
void Panel<T>::finish_gate(int64_t k, int64_t b, int nt) {
  const int nc = channels(b);
  const int64_t c0 = channel(b);
  if (a.D)
    for (int t = 0; t < nt; ++t)
      for (int c = 0; c < nc; ++c) y[t * kBlock + c] += ((const T*)a.D)[k * a.D_k + c0 + c] * u[t * kBlock + c];
  for (int i = 0; i < nt * nv; ++i) vec(z)[i] *= vec(y)[i];
  store_tile((T*)a.dz + batch * a.dz_b + c0 * a.dz_d, a.dz_d, a.dz_l, tok, adjacent, nt, nc, z, false);
}

template <typename T>
template <bool kBounded, bool kGate, int kCount>
void Panel<T>::backward_states(int64_t k, int64_t chunk, int64_t b, int nt, int64_t n0, int64_t count) {
  const T* state = boundary(k, chunk, b) + n0 * kBlock;
  int begin[kChunk], runs = 0;
  for (int t = 0; t < nt; t = run_end(k, chunk, t, nt)) begin[runs++] = t;
  const auto end = [&](int run) { return run + 1 < runs ? begin[run + 1] : nt; };
  const auto before = [&](int run) {
    if (starts(k, chunk * kChunk + begin[run])) return (const T*)zeros;
    return run ? (const T*)(post + (begin[run] - 1) * count * kBlock) : state;
  };
  for (int run = 0; run < runs; ++run)
    scan_keep<kBounded, kGate, kCount>(b, n0, count, before(run), begin[run], end(run));
  for (int run = runs - 1; run >= 0; --run) {
    back_run<kCount>(b, n0, count, before(run), begin[run], end(run));
    if (starts(k, chunk * kChunk + begin[run])) clear(g + b * blk + n0 * kBlock, count * kBlock);
  }
}

// Gradients by u and delta from the sums over states, and their shares of D's and the bias's.
template <typename T>
void Panel<T>::finish_gradients(int64_t k, int64_t b, int nt) {
  const int nc = channels(b);
  const int64_t c0 = channel(b);
  for (int t = 0; t < nt; ++t)
    for (int j = 0; j < nv; ++j) {
      const int i = t * nv + j;
      const V s = vec(du_sum)[i];
      vec(du_sum)[i] = s * vec(dt)[i];
      vec(dt_sum)[i] = (s * vec(u)[i] + vec(dt_sum)[i] * (T)0.69314718055994530942) * vec(slope)[i];
      vec(dbias + b * kBlock)[j] += vec(dt_sum)[i];
      vec(dD + b * kBlock)[j] += vec(dy)[i] * vec(u)[i];
    }
  if (a.D)
    for (int t = 0; t < nt; ++t)
      for (int c = 0; c < nc; ++c)
        du_sum[t * kBlock + c] += ((const T*)a.D)[k * a.D_k + c0 + c] * dy[t * kBlock + c];
  store_tile((T*)a.du + k * a.du_k + batch * a.du_b + c0 * a.du_d, a.du_d, a.du_l, tok, adjacent, nt, nc, du_sum,
             k > 0 && a.du_k == 0);
  store_tile((T*)a.ddelta + k * a.ddelta_k + batch * a.ddelta_b + c0 * a.ddelta_d, a.ddelta_d, a.ddelta_l, tok,
             adjacent, nt, nc, dt_sum, k > 0 && a.ddelta_k == 0);
}

template <typename T>
void Panel<T>::backward_block(int64_t k, int64_t chunk, int64_t b, int nt) {
  const bool bounded = load_inputs(k, b, nt, slope) * bound[b] <= (T)125;
  load_tile(dy_of(k, b), a.dy_d, a.dy_l, tok, adjacent, nt, channels(b), dy, kBlock);
  prefetch_next(k, b, nt, true);
  if (a.z) gate_back(b, nt);
  clear(du_sum, kChunk * kBlock);
  clear(dt_sum, kChunk * kBlock);
  for (int64_t n0 = 0; n0 < N; n0 += kKept) {
    const int64_t count = N - n0 < kKept ? N - n0 : (int64_t)kKept;
    if (a.z)
      backward_states<false, true, 0>(k, chunk, b, nt, n0, count);
    else if (!bounded)
      backward_states<false, false, 0>(k, chunk, b, nt, n0, count);
    else if (count == kKept)
      backward_states<true, false, kKept>(k, chunk, b, nt, n0, count);
    else
      backward_states<true, false, 0>(k, chunk, b, nt, n0, count);
  }
  if (a.z) finish_gate(k, b, nt);
  finish_gradients(k, b, nt);
}

// Sums over the lanes of `acc` to the tokens' rows of dB or dC.
template <typename T>
void Panel<T>::flush_states(const T* acc, T* out, int nt, bool add) const {
  for (int t = 0; t < nt; ++t) {
    T* row = out + tok[t] * a.groups * N;
    for (int64_t n = 0; n < N; ++n) {
      const T total = sumv(vec(acc)[t * N + n]);
      row[n] = add ? row[n] + total : total;
    }
  }
}

template <typename T>
void Panel<T>::store_parameters(int64_t k) const {
  const int64_t row = (k * a.batch + batch) * a.dim;
  for (int64_t b = 0; b < blocks; ++b)
    for (int c = 0; c < channels(b); ++c) {
      const int64_t d = row + channel(b) + c;
      for (int64_t n = 0; n < N; ++n) ((T*)a.dA)[d * N + n] = dA[b * blk + n * kBlock + c];
      ((T*)a.dD)[d] = dD[b * kBlock + c];
      ((T*)a.dbias)[d] = dbias[b * kBlock + c];
    }
}

template <typename T>
void Panel<T>::backward(int64_t panel) {
  const int64_t place = ((panel * a.batch + batch) * a.len * a.groups + group) * N;
  for (int64_t k = 0; k < a.orders; ++k) {
    load_parameters(k);
    clear(dA, blocks * blk);
    clear(dD, blocks * kBlock);
    clear(dbias, blocks * kBlock);
    clear(g, blocks * blk);
    if (a.dlast)
      for (int64_t b = 0; b < blocks; ++b)
        for (int c = 0; c < channels(b); ++c)
          for (int64_t n = 0; n < N; ++n)
            g[b * blk + n * kBlock + c] = ((const T*)a.dlast)[(batch * a.dim + channel(b) + c) * N + n];
    for (int64_t chunk = chunks() - 1; chunk >= 0; --chunk) {
      const int nt = load_chunk(k, chunk, chunk - 1);
      clear(accB, kChunk * N * lanes);
      clear(accC, kChunk * N * lanes);
      for (int64_t b = 0; b < blocks; ++b) backward_block(k, chunk, b, nt);
      flush_states(accB, (T*)a.dB + k * a.dB_k + place, nt, k > 0 && a.dB_k == 0);
      flush_states(accC, (T*)a.dC + k * a.dC_k + place, nt, k > 0 && a.dC_k == 0);
    }
    store_parameters(k);
  }
}

template <typename T>
void run_panel(const ScanArgs& a, int64_t batch, int64_t group, int64_t block0, int64_t blocks, int64_t which,
               bool backward, char* memory) {
  Panel<T> panel(a, batch, group, block0, blocks, backward, memory);
  if (backward)
    panel.backward(which);
  else
    panel.forward(which);
}
