// Body of one instruction set's translation unit: define VARIANT and LANES_BYTES, then include this.

#include "variants.h"

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
#include "scan_backward.h"
#include "deform_kernel.h"

int64_t scan_workspace(const ScanArgs& a, int64_t blocks, bool backward) {
  return a.is_double ? Panel<double>::workspace(a, blocks, backward) : Panel<float>::workspace(a, blocks, backward);
}

void scan(const ScanArgs& a, int64_t batch, int64_t group, int64_t block0, int64_t blocks, int64_t which,
          bool backward, char* memory) {
  if (a.is_double)
    run_panel<double>(a, batch, group, block0, blocks, which, backward, memory);
  else
    run_panel<float>(a, batch, group, block0, blocks, which, backward, memory);
}

int64_t deform_workspace(const DeformArgs& a) {
  return a.is_double ? Deform<double>::workspace(a) : Deform<float>::workspace(a);
}

void deform(const DeformArgs& a, const DeformTask& task, char* memory) {
  if (a.is_double)
    run_deform<double>(a, task, memory);
  else
    run_deform<float>(a, task, memory);
}
}  // namespace

#define CONCAT_(a, b) a##b
#define CONCAT(a, b) CONCAT_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)
extern const Variant CONCAT(variant_, VARIANT);
const Variant CONCAT(variant_, VARIANT) = {TEXT(VARIANT), scan_workspace, scan, deform_workspace, deform};

#if defined(__clang__) && defined(VARIANT_TARGET)
#pragma clang attribute pop
#endif
