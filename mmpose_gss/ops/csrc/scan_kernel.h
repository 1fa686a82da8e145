// The selective scan of one panel of channels, forward and backward, for one instruction set.
//
// Included inside an anonymous namespace after simd.h and tiles.h. Channels lie across vector lanes; a chunk of
// tokens is packed into tiles, and the states of a block stay in the first-level cache (registers where they fit).

template <typename T>
struct Panel {
  typedef typename Simd<T>::V V;
  static constexpr int lanes = Simd<T>::lanes;
  static constexpr int nv = kBlock / lanes;  // vectors in a row of a tile

  const ScanArgs& a;
  const int64_t batch, group, block0, blocks;  // block0 counts inside the group
  const int64_t N, blk;                        // blk: numbers in a block's states
  T *A, *h, *Bt, *Ct, *u, *dt, *du, *y, *z;
  T *g, *dA, *post, *decay, *dy, *slope, *tmp, *dD, *dbias, *accB, *accC, *zeros;
  T* bound;  // per block: largest |A| in base 2, or inf when not a number
  int32_t tok[2 * kChunk];
  bool adjacent;

  static int64_t workspace(const ScanArgs& a, int64_t blocks, bool backward) {
    const int64_t N = a.states, blk = N * kBlock;
    int64_t count = 2 * blocks * blk + 2 * kChunk * N + 5 * kChunk * kBlock + (blocks + 15) / 16 * 16;
    if (backward)
      count += 2 * blocks * blk + 2 * kChunk * blk + 3 * kChunk * kBlock + 2 * blocks * kBlock +
               2 * kChunk * N * lanes + blk;
    return count * (int64_t)sizeof(T) + 64 * 32;
  }

  Panel(const ScanArgs& args, int64_t batch_, int64_t group_, int64_t block0_, int64_t blocks_, bool backward,
        char* memory)
      : a(args), batch(batch_), group(group_), block0(block0_), blocks(blocks_), N(args.states),
        blk(args.states * kBlock) {
    auto take = [&memory](int64_t count) {
      T* p = reinterpret_cast<T*>(memory);
      memory += (count * (int64_t)sizeof(T) + 63) / 64 * 64;
      return p;
    };
    A = take(blocks * blk);
    h = take(blocks * blk);
    Bt = take(kChunk * N);
    Ct = take(kChunk * N);
    u = take(kChunk * kBlock);
    dt = take(kChunk * kBlock);
    du = take(kChunk * kBlock);
    y = take(kChunk * kBlock);
    z = take(kChunk * kBlock);
    bound = take(blocks);
    if (!backward) return;
    g = take(blocks * blk);
    dA = take(blocks * blk);
    post = take(kChunk * blk);
    decay = take(kChunk * blk);
    dy = take(kChunk * kBlock);
    slope = take(kChunk * kBlock);
    tmp = take(kChunk * kBlock);
    dD = take(blocks * kBlock);
    dbias = take(blocks * kBlock);
    accB = take(kChunk * N * lanes);
    accC = take(kChunk * N * lanes);
    zeros = take(blk);
    clear(zeros, blk);
  }

  static void clear(T* p, int64_t count) {
    for (int64_t i = 0; i < count; ++i) p[i] = 0;
  }
  static const V* vec(const T* p) { return reinterpret_cast<const V*>(p); }
  static V* vec(T* p) { return reinterpret_cast<V*>(p); }

  int64_t group_dim() const { return a.dim / a.groups; }
  int64_t channel(int64_t b) const { return group * group_dim() + (block0 + b) * kBlock; }
  int channels(int64_t b) const {
    const int64_t left = group_dim() - (block0 + b) * kBlock;
    return (int)(left < kBlock ? left : (int64_t)kBlock);
  }
  bool starts(int64_t k, int64_t position) const { return a.first && a.first[k * a.len + position]; }
  int64_t chunks() const { return (a.len + kChunk - 1) / kChunk; }
  T* boundary(int64_t k, int64_t chunk, int64_t b) const {
    const int64_t per_group = scan_group_blocks(a), all = per_group * a.groups;
    return (T*)a.boundary + (((k * a.batch + batch) * chunks() + chunk) * all + group * per_group + block0 + b) * blk;
  }

  void load_parameters(int64_t k) {
    for (int64_t b = 0; b < blocks; ++b) {
      const T* src = (const T*)a.A + k * a.A_k + channel(b) * a.A_d;
      const int nc = channels(b);
      T largest = 0;
      for (int64_t n = 0; n < N; ++n)
        for (int c = 0; c < kBlock; ++c) {
          const T value = c < nc ? src[c * a.A_d + n * a.A_n] * (T)1.44269504088896340736 : (T)0;
          A[b * blk + n * kBlock + c] = value;
          const T size = value < 0 ? -value : value;
          if (!(size <= largest)) largest = size <= (T)1e30 ? size : (T)__builtin_inf();
        }
      bound[b] = largest;
    }
  }

  // Token numbers of a chunk, B and C packed as (tokens, states), next chunk's lines asked for.
  int load_chunk(int64_t k, int64_t chunk, int64_t next) {
    const int nt = tokens(k, chunk, tok);
    adjacent = !a.index || tok[nt - 1] - tok[0] == nt - 1;
    if (adjacent && a.index)
      for (int t = 1; t < nt; ++t) adjacent &= tok[t] == tok[0] + t;
    pack_states((const T*)a.B + k * a.B_k + batch * a.B_b + group * a.B_g, a.B_n, a.B_l, nt, Bt);
    pack_states((const T*)a.C + k * a.C_k + batch * a.C_b + group * a.C_g, a.C_n, a.C_l, nt, Ct);
    if (next >= 0 && next < chunks()) {
      int32_t* ahead = tok + kChunk;
      const int count = tokens(k, next, ahead);
      const int width = (int)(group_dim() - block0 * kBlock < blocks * kBlock ? group_dim() - block0 * kBlock
                                                                              : blocks * kBlock);
      prefetch_tile((const T*)a.u + k * a.u_k + batch * a.u_b + channel(0) * a.u_d, a.u_d, a.u_l, ahead, count, width);
      prefetch_tile((const T*)a.delta + k * a.delta_k + batch * a.delta_b + channel(0) * a.delta_d, a.delta_d,
                    a.delta_l, ahead, count, width);
    }
    return nt;
  }

  int tokens(int64_t k, int64_t chunk, int32_t* out) const {
    const int64_t t0 = chunk * kChunk;
    const int nt = (int)(a.len - t0 < kChunk ? a.len - t0 : (int64_t)kChunk);
    for (int t = 0; t < nt; ++t) out[t] = a.index ? a.index[k * a.len + t0 + t] : (int32_t)(t0 + t);
    return nt;
  }

  void pack_states(const T* src, int64_t stride_n, int64_t stride_l, int nt, T* out) const {
    if (stride_l == 1 && stride_n != 1 && adjacent && nt % 8 == 0 && N % 8 == 0) {
      transpose_tile<false>(src + tok[0], stride_n, out, N, (int)N, nt);
      return;
    }
    for (int t = 0; t < nt; ++t)
      for (int64_t n = 0; n < N; ++n) out[t * N + n] = src[tok[t] * stride_l + n * stride_n];
  }

  // Loads u and delta, applies bias and softplus; returns the largest |delta| (0 if none is a number).
  T load_inputs(int64_t k, int64_t b, int nt, T* slopes) {
    const int nc = channels(b);
    const int64_t c0 = channel(b);
    load_tile((const T*)a.u + k * a.u_k + batch * a.u_b + c0 * a.u_d, a.u_d, a.u_l, tok, adjacent, nt, nc, u, kBlock);
    load_tile((const T*)a.delta + k * a.delta_k + batch * a.delta_b + c0 * a.delta_d, a.delta_d, a.delta_l, tok,
              adjacent, nt, nc, dt, kBlock);
    alignas(64) T bias[kBlock];
    for (int c = 0; c < kBlock; ++c) bias[c] = a.bias && c < nc ? ((const T*)a.bias)[k * a.bias_k + c0 + c] : (T)0;
    V largest = V{};
    for (int t = 0; t < nt; ++t)
      for (int j = 0; j < nv; ++j) {
        V x = vec(dt)[t * nv + j] + vec(bias)[j], slope_ = V{} + (T)1;
        if (a.softplus) softplusv(x, &x, &slope_);
        if (slopes) vec(slopes)[t * nv + j] = slope_;
        vec(dt)[t * nv + j] = x;
        vec(du)[t * nv + j] = x * vec(u)[t * nv + j];
        const V size = x < (T)0 ? -x : x;
        largest = size > largest ? size : largest;
      }
    T top = 0;
    for (int i = 0; i < lanes; ++i) top = largest[i] > top ? largest[i] : top;
    return top;
  }

  template <bool kBounded>
  void scan_run(const T* A_, T* h_, int t0, int t1) {
    const V* __restrict Av = vec(A_);
    V* __restrict hv = vec(h_);
    for (int t = t0; t < t1; ++t) {
      V dtv[nv], duv[nv], yv[nv];
      for (int j = 0; j < nv; ++j) {
        dtv[j] = vec(dt)[t * nv + j];
        duv[j] = vec(du)[t * nv + j];
        yv[j] = V{};
      }
      const T *Bn = Bt + t * N, *Cn = Ct + t * N;
      for (int64_t n = 0; n < N; ++n)
        for (int j = 0; j < nv; ++j) {
          const V next = exp2v<kBounded>(dtv[j] * Av[n * nv + j]) * hv[n * nv + j] + duv[j] * Bn[n];
          hv[n * nv + j] = next;
          yv[j] += next * Cn[n];
        }
      for (int j = 0; j < nv; ++j) vec(y)[t * nv + j] = yv[j];
    }
  }

  // As scan_run, but keeps every state and decay for the way back.
  template <bool kBounded>
  void scan_keep(const T* A_, const T* before, int t0, int t1) {
    for (int t = t0; t < t1; ++t) {
      const V *hv = vec(t == t0 ? before : post + (t - 1) * blk), *Av = vec(A_);
      V *out = vec(post + t * blk), *dec = vec(decay + t * blk);
      V yv[nv] = {};
      const T *Bn = Bt + t * N, *Cn = Ct + t * N;
      for (int64_t n = 0; n < N; ++n)
        for (int j = 0; j < nv; ++j) {
          const V d = exp2v<kBounded>(vec(dt)[t * nv + j] * Av[n * nv + j]);
          const V next = d * hv[n * nv + j] + vec(du)[t * nv + j] * Bn[n];
          dec[n * nv + j] = d;
          out[n * nv + j] = next;
          yv[j] += next * Cn[n];
        }
      for (int j = 0; j < nv; ++j) vec(y)[t * nv + j] = yv[j];
    }
  }

  // One run of tokens backwards; tmp receives d(delta), du the gradient by u (without the skip).
  void back_run(const T* A_, const T* before, T* g_, T* dA_, int t0, int t1) {
    V* __restrict gv = vec(g_);
    V* __restrict dAv = vec(dA_);
    V* __restrict bv = vec(accB);
    V* __restrict cv = vec(accC);
    const V* __restrict Av = vec(A_);
    for (int t = t1 - 1; t >= t0; --t) {
      const V *now = vec(post + t * blk), *prev = vec(t == t0 ? before : post + (t - 1) * blk);
      const V* dec = vec(decay + t * blk);
      const T *Bn = Bt + t * N, *Cn = Ct + t * N;
      V dyv[nv], dtv[nv], duv[nv], s[nv] = {}, w[nv] = {};
      for (int j = 0; j < nv; ++j) {
        dyv[j] = vec(dy)[t * nv + j];
        dtv[j] = vec(dt)[t * nv + j];
        duv[j] = vec(du)[t * nv + j];
      }
      for (int64_t n = 0; n < N; ++n) {
        V sumB = bv[t * N + n], sumC = cv[t * N + n];
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
        bv[t * N + n] = sumB;
        cv[t * N + n] = sumC;
      }
      for (int j = 0; j < nv; ++j) {
        vec(tmp)[t * nv + j] = vec(u)[t * nv + j] * s[j] + w[j] * (T)0.69314718055994530942;
        vec(du)[t * nv + j] = dtv[j] * s[j];
      }
    }
  }

  // First token after t0 that starts a new sequence, at most nt.
  int run_end(int64_t k, int64_t chunk, int t0, int nt) const {
    int t = t0 + 1;
    while (t < nt && !starts(k, chunk * kChunk + t)) ++t;
    return t;
  }

  void finish_output(int64_t k, int64_t b, int nt, bool add) {
    const int nc = channels(b);
    const int64_t c0 = channel(b);
    if (a.D)
      for (int t = 0; t < nt; ++t)
        for (int c = 0; c < nc; ++c) y[t * kBlock + c] += ((const T*)a.D)[k * a.D_k + c0 + c] * u[t * kBlock + c];
    if (a.z) {
      load_tile((const T*)a.z + batch * a.z_b + c0 * a.z_d, a.z_d, a.z_l, tok, adjacent, nt, nc, z, kBlock);
      for (int i = 0; i < nt * nv; ++i) vec(y)[i] *= vec(z)[i] * sigmoidv(vec(z)[i]);
    }
    store_tile((T*)a.y + scan_merge_of(a, k) * a.y_m + batch * a.y_b + c0 * a.y_d, a.y_d, a.y_l, tok, adjacent, nt, nc, y,
               add);
  }

  void forward(int64_t merge) {
    bool add = false;
    for (int64_t k = 0; k < a.orders; ++k) {
      if (scan_merge_of(a, k) != merge) continue;
      load_parameters(k);
      clear(h, blocks * blk);
      for (int64_t chunk = 0; chunk < chunks(); ++chunk) {
        const int nt = load_chunk(k, chunk, chunk + 1);
        for (int64_t b = 0; b < blocks; ++b) {
          const bool bounded = load_inputs(k, b, nt, nullptr) * bound[b] <= (T)125;
          T* state = h + b * blk;
          if (a.boundary) __builtin_memcpy(boundary(k, chunk, b), state, sizeof(T) * blk);
          for (int t = 0; t < nt;) {
            const int end = run_end(k, chunk, t, nt);
            if (starts(k, chunk * kChunk + t)) clear(state, blk);
            if (bounded)
              scan_run<true>(A + b * blk, state, t, end);
            else
              scan_run<false>(A + b * blk, state, t, end);
            t = end;
          }
          finish_output(k, b, nt, add);
        }
      }
      add = true;
    }
    if (a.last)
      for (int64_t b = 0; b < blocks; ++b)
        for (int c = 0; c < channels(b); ++c)
          for (int64_t n = 0; n < N; ++n)
            ((T*)a.last)[(batch * a.dim + channel(b) + c) * N + n] = h[b * blk + n * kBlock + c];
  }

  // Gradient by z, and dy through the gate; y holds the scan's output without skip.
  void gate_back(int64_t k, int64_t b, int nt) {
    const int nc = channels(b);
    const int64_t c0 = channel(b);
    load_tile((const T*)a.z + batch * a.z_b + c0 * a.z_d, a.z_d, a.z_l, tok, adjacent, nt, nc, z, kBlock);
    if (a.D)
      for (int t = 0; t < nt; ++t)
        for (int c = 0; c < nc; ++c) y[t * kBlock + c] += ((const T*)a.D)[k * a.D_k + c0 + c] * u[t * kBlock + c];
    for (int i = 0; i < nt * nv; ++i) {
      const V zi = vec(z)[i], s = sigmoidv(zi), out = vec(y)[i], grad = vec(dy)[i];
      vec(z)[i] = grad * out * s * (zi * ((T)1 - s) + (T)1);
      vec(dy)[i] = grad * zi * s;
    }
    store_tile((T*)a.dz + batch * a.dz_b + c0 * a.dz_d, a.dz_d, a.dz_l, tok, adjacent, nt, nc, z, false);
  }

  void backward_block(int64_t k, int64_t chunk, int64_t b, int nt) {
    const int nc = channels(b);
    const int64_t c0 = channel(b);
    const bool bounded = load_inputs(k, b, nt, slope) * bound[b] <= (T)125;
    load_tile((const T*)a.dy + scan_merge_of(a, k) * a.dy_m + batch * a.dy_b + c0 * a.dy_d, a.dy_d, a.dy_l, tok, adjacent,
              nt, nc, dy, kBlock);
    const T* state = boundary(k, chunk, b);
    int begin[kChunk], runs = 0;
    for (int t = 0; t < nt; t = run_end(k, chunk, t, nt)) begin[runs++] = t;
    const auto before = [&](int run) { return starts(k, chunk * kChunk + begin[run]) ? zeros
                                              : run ? post + (begin[run] - 1) * blk : state; };
    for (int run = 0; run < runs; ++run) {
      const int end = run + 1 < runs ? begin[run + 1] : nt;
      if (bounded)
        scan_keep<true>(A + b * blk, before(run), begin[run], end);
      else
        scan_keep<false>(A + b * blk, before(run), begin[run], end);
    }
    if (a.z) gate_back(k, b, nt);
    for (int run = runs - 1; run >= 0; --run) {
      back_run(A + b * blk, before(run), g + b * blk, dA + b * blk, begin[run], run + 1 < runs ? begin[run + 1] : nt);
      if (starts(k, chunk * kChunk + begin[run])) clear(g + b * blk, blk);
    }
    for (int t = 0; t < nt; ++t)
      for (int j = 0; j < nv; ++j) {
        const int i = t * nv + j;
        vec(tmp)[i] *= vec(slope)[i];
        vec(dbias + b * kBlock)[j] += vec(tmp)[i];
        vec(dD + b * kBlock)[j] += vec(dy)[i] * vec(u)[i];
      }
    if (a.D)
      for (int t = 0; t < nt; ++t)
        for (int c = 0; c < nc; ++c) du[t * kBlock + c] += ((const T*)a.D)[k * a.D_k + c0 + c] * dy[t * kBlock + c];
    store_tile((T*)a.du + k * a.du_k + batch * a.du_b + c0 * a.du_d, a.du_d, a.du_l, tok, adjacent, nt, nc, du,
               k > 0 && a.du_k == 0);
    store_tile((T*)a.ddelta + k * a.ddelta_k + batch * a.ddelta_b + c0 * a.ddelta_d, a.ddelta_d, a.ddelta_l, tok,
               adjacent, nt, nc, tmp, k > 0 && a.ddelta_k == 0);
  }

  void flush_states(const T* acc, T* out, int nt, bool add) const {
    for (int t = 0; t < nt; ++t) {
      T* row = out + tok[t] * a.groups * N;
      for (int64_t n = 0; n < N; ++n) {
        const T total = sumv(vec(acc)[t * N + n]);
        row[n] = add ? row[n] + total : total;
      }
    }
  }

  void store_parameters(int64_t k) const {
    const int64_t row = (k * a.batch + batch) * a.dim;
    for (int64_t b = 0; b < blocks; ++b)
      for (int c = 0; c < channels(b); ++c) {
        const int64_t d = row + channel(b) + c;
        for (int64_t n = 0; n < N; ++n) ((T*)a.dA)[d * N + n] = dA[b * blk + n * kBlock + c];
        ((T*)a.dD)[d] = dD[b * kBlock + c];
        ((T*)a.dbias)[d] = dbias[b * kBlock + c];
      }
  }

  void backward(int64_t panel) {
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
};

template <typename T>
void run_panel(const ScanArgs& a, int64_t batch, int64_t group, int64_t block0, int64_t blocks, int64_t which,
               bool backward, char* memory) {
  Panel<T> panel(a, batch, group, block0, blocks, backward, memory);
  if (backward)
    panel.backward(which);
  else
    panel.forward(which);
}
