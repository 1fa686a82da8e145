// Kernels for any processor the compiler targets (SSE2 on x86-64, NEON on 64-bit Arm).
#define VARIANT generic
#define LANES_BYTES 16
#include "variant.h"
