// The selective scan of one panel of channels for one instruction set; the backward pass is in scan_backward.h.
//
// Included inside an anonymous namespace after simd.h and tiles.h. Channels lie across vector lanes; a chunk of
// tokens is packed into tiles, and the states of a block stay in the first-level cache (registers where they fit).

template <typename T>
struct Panel {
  typedef typename Simd<T>::V V;
  static constexpr int lanes = Simd<T>::lanes;
  static constexpr int nv = kBlock / lanes;  // vectors in a row of a tile
  // The forward pass keeps B and C once per lane where no instruction spreads a number over the lanes by itself.
  static constexpr int spread = LANES_BYTES == 64 ? 1 : lanes;
  static constexpr int kKept = 8;  // states done at a time in the backward pass: what they keep fits the L1 cache

  const ScanArgs& a;
  const int64_t batch, group, block0, blocks;  // block0 counts inside the group
  const int64_t N, blk;                        // blk: numbers in a block's states
  T *A, *h, *Bt, *Ct, *u, *dt, *du, *y, *z;
  T *g, *dA, *post, *decay, *dy, *slope, *du_sum, *dt_sum, *dD, *dbias, *accB, *accC, *zeros;
  T *B_wide, *C_wide;  // as Bt and Ct, each number `spread` times; Bt and Ct themselves in the backward pass
  T* bound;  // per block: largest |A| in base 2, or inf when not a number
  int32_t tok[2 * kChunk];
  bool adjacent;
  int ahead;  // tokens of the chunk to come, numbered from tok[kChunk] on

  static int64_t workspace(const ScanArgs& a, int64_t blocks, bool backward) {
    const int64_t N = a.states, blk = N * kBlock;
    int64_t count = 2 * blocks * blk + 2 * kChunk * N + 5 * kChunk * kBlock + (blocks + 15) / 16 * 16;
    if (!backward && spread > 1) count += 2 * kChunk * N * spread;
    if (backward)
      count += 2 * blocks * blk + 2 * kChunk * kKept * kBlock + 4 * kChunk * kBlock + 2 * blocks * kBlock +
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
    B_wide = spread > 1 && !backward ? take(kChunk * N * spread) : Bt;
    C_wide = spread > 1 && !backward ? take(kChunk * N * spread) : Ct;
    if (!backward) return;
    g = take(blocks * blk);
    dA = take(blocks * blk);
    post = take(kChunk * kKept * kBlock);
    decay = take(kChunk * kKept * kBlock);
    dy = take(kChunk * kBlock);
    slope = take(kChunk * kBlock);
    du_sum = take(kChunk * kBlock);
    dt_sum = take(kChunk * kBlock);
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
  static auto widened(const T* p, int64_t i) {
    if constexpr (spread == 1)
      return p[i];
    else
      return vec(p)[i];
  }

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

  // Token numbers of a chunk and of the chunk to come; B and C packed as (tokens, states).
  int load_chunk(int64_t k, int64_t chunk, int64_t next) {
    const int nt = tokens(k, chunk, tok);
    adjacent = !a.index || tok[nt - 1] - tok[0] == nt - 1;
    if (adjacent && a.index)
      for (int t = 1; t < nt; ++t) adjacent &= tok[t] == tok[0] + t;
    pack_states((const T*)a.B + k * a.B_k + batch * a.B_b + group * a.B_g, a.B_n, a.B_l, nt, Bt, B_wide);
    pack_states((const T*)a.C + k * a.C_k + batch * a.C_b + group * a.C_g, a.C_n, a.C_l, nt, Ct, C_wide);
    ahead = next < 0 || next >= chunks() ? 0 : tokens(k, next, tok + kChunk);
    return nt;
  }

  int tokens(int64_t k, int64_t chunk, int32_t* out) const {
    const int64_t t0 = chunk * kChunk;
    const int nt = (int)(a.len - t0 < kChunk ? a.len - t0 : (int64_t)kChunk);
    for (int t = 0; t < nt; ++t) out[t] = a.index ? a.index[k * a.len + t0 + t] : (int32_t)(t0 + t);
    return nt;
  }

  // First channel of block b in each tensor.
  const T* u_of(int64_t k, int64_t b) const { return (const T*)a.u + k * a.u_k + batch * a.u_b + channel(b) * a.u_d; }
  const T* delta_of(int64_t k, int64_t b) const {
    return (const T*)a.delta + k * a.delta_k + batch * a.delta_b + channel(b) * a.delta_d;
  }
  const T* dy_of(int64_t k, int64_t b) const {
    return (const T*)a.dy + scan_merge_of(a, k) * a.dy_m + batch * a.dy_b + channel(b) * a.dy_d;
  }
  T* y_of(int64_t k, int64_t b) const {
    return (T*)a.y + scan_merge_of(a, k) * a.y_m + batch * a.y_b + channel(b) * a.y_d;
  }

  // Asks for the inputs of the block after b, or of the first in the chunk to come. Sooner, and rows far apart would
  // push each other out of the few sets of the cache that they share.
  void prefetch_next(int64_t k, int64_t b, int nt, bool with_dy) const {
    const bool last = b + 1 == blocks;
    const int64_t next = last ? 0 : b + 1;
    const int32_t* which = last ? tok + kChunk : tok;
    const int count = last ? ahead : nt, nc = channels(next);
    prefetch_tile<0>(u_of(k, next), a.u_d, a.u_l, which, count, nc);
    prefetch_tile<0>(delta_of(k, next), a.delta_d, a.delta_l, which, count, nc);
    if (with_dy) prefetch_tile<0>(dy_of(k, next), a.dy_d, a.dy_l, which, count, nc);
  }

  void pack_states(const T* src, int64_t stride_n, int64_t stride_l, int nt, T* to, T* wide) const {
    if (stride_l == 1 && stride_n != 1 && adjacent && nt % 8 == 0 && N % 8 == 0)
      transpose_tile<false>(src + tok[0], stride_n, to, N, (int)N, nt);
    else if (stride_n == 1)
      for (int t = 0; t < nt; ++t) __builtin_memcpy(to + t * N, src + tok[t] * stride_l, sizeof(T) * N);
    else
      for (int t = 0; t < nt; ++t)
        for (int64_t n = 0; n < N; ++n) to[t * N + n] = src[tok[t] * stride_l + n * stride_n];
    if (wide != to)
      for (int64_t i = 0; i < nt * N; ++i) vec(wide)[i] = to[i] - V{};
  }

  // Loads u and delta, applies bias and softplus; returns the largest |delta| (0 if none is a number).
  T load_inputs(int64_t k, int64_t b, int nt, T* slopes) {
    const int nc = channels(b);
    const int64_t c0 = channel(b);
    load_tile(u_of(k, b), a.u_d, a.u_l, tok, adjacent, nt, nc, u, kBlock);
    load_tile(delta_of(k, b), a.delta_d, a.delta_l, tok, adjacent, nt, nc, dt, kBlock);
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
      const T *Bn = B_wide + t * N * spread, *Cn = C_wide + t * N * spread;
      for (int64_t n = 0; n < N; ++n)
        for (int j = 0; j < nv; ++j) {
          const V next = exp2v<kBounded>(dtv[j] * Av[n * nv + j]) * hv[n * nv + j] + duv[j] * widened(Bn, n);
          hv[n * nv + j] = next;
          yv[j] += next * widened(Cn, n);
        }
      for (int j = 0; j < nv; ++j) vec(y)[t * nv + j] = yv[j];
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
    store_tile(y_of(k, b), a.y_d, a.y_l, tok, adjacent, nt, nc, y, add);
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
          prefetch_next(k, b, nt, false);
          prefetch_tile<1>(y_of(k, b), a.y_d, a.y_l, tok, nt, channels(b));
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

  // Defined in scan_backward.h.
  void backward(int64_t panel);
  void backward_block(int64_t k, int64_t chunk, int64_t b, int nt);
  template <bool kBounded, bool kGate, int kCount>
  void backward_states(int64_t k, int64_t chunk, int64_t b, int nt, int64_t n0, int64_t count);
  template <bool kBounded, bool kGate, int kCount>
  void scan_keep(int64_t b, int64_t n0, int64_t count, const T* before, int t0, int t1);
  template <int kCount>
  void back_run(int64_t b, int64_t n0, int64_t count, const T* before, int t0, int t1);
  void gate_back(int64_t b, int nt);
  void finish_gate(int64_t k, int64_t b, int nt);
  void finish_gradients(int64_t k, int64_t b, int nt);
  void flush_states(const T* acc, T* out, int nt, bool add) const;
  void store_parameters(int64_t k) const;
};
