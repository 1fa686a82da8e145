// Kernels for x86-64 with AVX2 and FMA. The pragma precedes every include, so that templates get it too.
#if defined(__x86_64__)
#if !defined(__clang__)
#pragma GCC target("avx2,fma")
#endif
#define VARIANT avx2
#define VARIANT_TARGET "avx2,fma"
#define LANES_BYTES 32
#include "variant.h"
#endif
