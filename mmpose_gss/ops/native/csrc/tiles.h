// Moving tiles of (tokens, channels) between tensors of any layout and a contiguous buffer.
//
// Included inside the anonymous namespace of one instruction set, after simd.h. tok: token numbers of the tile's
// rows; adjacent: whether they follow one another.

typedef float V8 __attribute__((vector_size(32)));
#if defined(__clang__)
#define SHUFFLE8(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
typedef int32_t I8 __attribute__((vector_size(32)));
#define SHUFFLE8(a, b, ...) __builtin_shuffle(a, b, I8{__VA_ARGS__})
#endif

inline V8 load8(const float* p) {
  V8 v;
  __builtin_memcpy(&v, p, sizeof(v));
  return v;
}

inline void transpose8(const V8 in[8], V8 out[8]) {
  V8 a[8], b[8];
  for (int i = 0; i < 8; i += 2) {
    a[i] = SHUFFLE8(in[i], in[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    a[i + 1] = SHUFFLE8(in[i], in[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
  for (int i = 0; i < 8; i += 4)
    for (int j = 0; j < 2; ++j) {
      b[i + 2 * j] = SHUFFLE8(a[i + j], a[i + j + 2], 0, 1, 8, 9, 4, 5, 12, 13);
      b[i + 2 * j + 1] = SHUFFLE8(a[i + j], a[i + j + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    }
  for (int i = 0; i < 4; ++i) {
    out[i] = SHUFFLE8(b[i], b[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    out[i + 4] = SHUFFLE8(b[i], b[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
}

// dst[j * dst_stride + i] = src[i * src_stride + j] (or added) for i < rows, j < cols, both multiples of 8.
template <bool kAdd>
inline void transpose_tile(const float* src, int64_t src_stride, float* dst, int64_t dst_stride, int rows,
                                  int cols) {
  for (int i = 0; i < rows; i += 8)
    for (int j = 0; j < cols; j += 8) {
      V8 in[8], out[8];
      for (int r = 0; r < 8; ++r) in[r] = load8(src + (i + r) * src_stride + j);
      transpose8(in, out);
      for (int r = 0; r < 8; ++r) {
        float* p = dst + (j + r) * dst_stride + i;
        if (kAdd) out[r] += load8(p);
        __builtin_memcpy(p, &out[r], sizeof(V8));
      }
    }
}

template <bool kAdd>
inline void transpose_tile(const double* src, int64_t src_stride, double* dst, int64_t dst_stride, int rows,
                                  int cols) {
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < cols; ++j) {
      double* p = dst + j * dst_stride + i;
      *p = (kAdd ? *p : 0.0) + src[i * src_stride + j];
    }
}

// tile[t][c] for nt tokens and nc channels; channels up to row_width are filled with zero.
template <typename T>
inline void load_tile(const T* src, int64_t stride_c, int64_t stride_t, const int32_t* tok, bool adjacent,
                             int nt, int nc, T* tile, int row_width) {
  if (stride_c == 1) {
    for (int t = 0; t < nt; ++t) {
      const T* row = src + tok[t] * stride_t;
      if (nc == kBlock)
        __builtin_memcpy(tile + t * row_width, row, sizeof(T) * kBlock);
      else
        for (int c = 0; c < nc; ++c) tile[t * row_width + c] = row[c];
    }
  } else if (stride_t == 1 && adjacent && nt % 8 == 0 && nc % 8 == 0) {
    transpose_tile<false>(src + tok[0], stride_c, tile, row_width, nc, nt);
  } else {
    for (int c = 0; c < nc; ++c)
      for (int t = 0; t < nt; ++t) tile[t * row_width + c] = src[c * stride_c + tok[t] * stride_t];
  }
  for (int t = 0; t < nt; ++t)
    for (int c = nc; c < row_width; ++c) tile[t * row_width + c] = 0;
}

template <bool kAdd, typename T>
inline void store_rows(T* dst, int64_t stride_c, int64_t stride_t, const int32_t* tok, bool adjacent, int nt,
                              int nc, const T* tile) {
  if (stride_c == 1 && nc == kBlock) {
    for (int t = 0; t < nt; ++t) {
      T* row = dst + tok[t] * stride_t;
      for (int c = 0; c < kBlock; ++c) row[c] = kAdd ? row[c] + tile[t * kBlock + c] : tile[t * kBlock + c];
    }
  } else if (stride_t == 1 && adjacent && nt % 8 == 0 && nc % 8 == 0) {
    transpose_tile<kAdd>(tile, kBlock, dst + tok[0], stride_c, nt, nc);
  } else {
    for (int c = 0; c < nc; ++c)
      for (int t = 0; t < nt; ++t) {
        T* p = dst + c * stride_c + tok[t] * stride_t;
        *p = kAdd ? *p + tile[t * kBlock + c] : tile[t * kBlock + c];
      }
  }
}

// Write a tile back, or add it to what is there.
template <typename T>
inline void store_tile(T* dst, int64_t stride_c, int64_t stride_t, const int32_t* tok, bool adjacent, int nt,
                              int nc, const T* tile, bool add) {
  if (add)
    store_rows<true>(dst, stride_c, stride_t, tok, adjacent, nt, nc, tile);
  else
    store_rows<false>(dst, stride_c, stride_t, tok, adjacent, nt, nc, tile);
}

// Ask for a tile's cache lines, to read or to write them; into the second level, as several tiles are in flight.
template <int kWrite, typename T>
inline void prefetch_tile(const T* src, int64_t stride_c, int64_t stride_t, const int32_t* tok, int nt, int nc) {
  __asm__ volatile("");  // GCC takes a function that only prefetches for one without effect and drops its calls
  if (stride_c == 1)
    for (int t = 0; t < nt; ++t)
      for (int c = 0; c < nc; c += 64 / (int)sizeof(T)) __builtin_prefetch(src + tok[t] * stride_t + c, kWrite, 2);
  else if (nt > 0)
    for (int c = 0; c < nc; ++c) __builtin_prefetch(src + c * stride_c + tok[0] * stride_t, kWrite, 2);
}
