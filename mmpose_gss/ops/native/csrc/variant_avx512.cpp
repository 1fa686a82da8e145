// Kernels for x86-64 with AVX-512 (F, DQ, VL, BW). The pragma precedes every include.
#if defined(__x86_64__)
#if !defined(__clang__)
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma,prefer-vector-width=512")
#endif
#define VARIANT avx512
#define VARIANT_TARGET "avx512f,avx512dq,avx512vl,avx512bw,avx2,fma"
#define LANES_BYTES 64
#include "variant.h"
#endif
