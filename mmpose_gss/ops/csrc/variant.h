// Body of one instruction set's translation unit: define VARIANT and LANES_BYTES, then include this.

#include "scan_args.h"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wpsabi"  // vectors are passed inside this unit only
#endif

#if defined(__clang__) && defined(VARIANT_TARGET)
#pragma clang attribute push(__attribute__((target(VARIANT_TARGET))), apply_to = function)
#endif

namespace {
#include "simd.h"
#include "tiles.h"
#include "scan_kernel.h"

int64_t workspace(const ScanArgs& a, int64_t blocks, bool backward) {
  return a.is_double ? Panel<double>::workspace(a, blocks, backward) : Panel<float>::workspace(a, blocks, backward);
}

void run(const ScanArgs& a, int64_t batch, int64_t group, int64_t block0, int64_t blocks, int64_t which,
         bool backward, char* memory) {
  if (a.is_double)
    run_panel<double>(a, batch, group, block0, blocks, which, backward, memory);
  else
    run_panel<float>(a, batch, group, block0, blocks, which, backward, memory);
}
}  // namespace

#define CONCAT_(a, b) a##b
#define CONCAT(a, b) CONCAT_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)
extern const ScanVariant CONCAT(scan_, VARIANT);
const ScanVariant CONCAT(scan_, VARIANT) = {TEXT(VARIANT), workspace, run};

#if defined(__clang__) && defined(VARIANT_TARGET)
#pragma clang attribute pop
#endif
