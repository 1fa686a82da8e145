// C interface of the kernels, called through ctypes: choice of the instruction set, threads.
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "variants.h"

#if defined(__x86_64__)
extern const Variant variant_avx2, variant_avx512;
#endif
extern const Variant variant_generic;

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace {

// Small numbers count as zero while a kernel runs: a decaying state would otherwise end in slow denormals.
class FlushDenormals {
 public:
#if defined(__x86_64__)
  FlushDenormals() : saved_(__builtin_ia32_stmxcsr()) { __builtin_ia32_ldmxcsr(saved_ | 0x8040); }
  ~FlushDenormals() { __builtin_ia32_ldmxcsr(saved_); }

 private:
  unsigned saved_;
#endif
};

bool runs_here(const Variant& variant) {
#if defined(__x86_64__)
  if (&variant == &variant_avx512)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
  if (&variant == &variant_avx2) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
  return &variant == &variant_generic;
}

// The fastest variant that runs here, or the one that MMPOSE_GSS_SIMD names if it does.
const Variant& choose() {
#if defined(__x86_64__)
  const Variant* all[] = {&variant_avx512, &variant_avx2, &variant_generic};
#else
  const Variant* all[] = {&variant_generic};
#endif
  const char* wanted = std::getenv("MMPOSE_GSS_SIMD");
  for (const Variant* variant : all)
    if (wanted && !std::strcmp(wanted, variant->name) && runs_here(*variant)) return *variant;
  for (const Variant* variant : all)
    if (runs_here(*variant)) return *variant;
  return variant_generic;
}

// Calls work(task, memory) for every task, on up to `threads` threads, each with its own aligned memory.
// Threads live for one call, so that a forked process (a data loader's worker) can call, too. False: no memory.
template <typename Work>
bool parallel(int64_t tasks, int64_t threads, int64_t bytes, Work work) {
  std::atomic<int64_t> next{0};
  std::atomic<bool> failed{false};
  auto loop = [&] {
    void* memory = nullptr;
    if (bytes && posix_memalign(&memory, 64, (size_t)bytes)) {
      failed = true;
      return;
    }
    FlushDenormals guard;
    for (int64_t task = next++; task < tasks; task = next++) work(task, static_cast<char*>(memory));
    std::free(memory);
  };
  std::vector<std::thread> helpers;
  try {
    for (int64_t i = 1; i < threads && i < tasks; ++i) helpers.emplace_back(loop);
  } catch (const std::system_error&) {  // no more threads to be had: the others do the work
  }
  loop();
  for (std::thread& helper : helpers) helper.join();
  return !failed;
}

// Blocks in a panel when a group's blocks are cut into `panels` parts.
int64_t panel_blocks(const ScanArgs& a, int64_t panels) { return (scan_group_blocks(a) + panels - 1) / panels; }

}  // namespace

#if defined(__linux__) && !defined(MADV_POPULATE_WRITE)
#define MADV_POPULATE_WRITE 23  // Linux 5.14; an older one refuses it, and pages come as they are touched
#endif

// Large pages under a fresh buffer of `bytes`, all at once and by the calling thread: touching small ones costs as
// much as computing what is written there, and the pages that the caller freed last are at hand for the caller only.
EXPORT void give_large_pages(char* memory, int64_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  const uintptr_t page = 1 << 21, start = ((uintptr_t)memory + page - 1) / page * page;
  const uintptr_t end = ((uintptr_t)memory + (uintptr_t)bytes) / page * page;
  if (end <= start) return;
  madvise((void*)start, end - start, MADV_HUGEPAGE);
  madvise((void*)start, end - start, MADV_POPULATE_WRITE);
#else
  (void)memory, (void)bytes;
#endif
}

EXPORT const char* simd_variant() { return choose().name; }

EXPORT int64_t scan_constant(int64_t which) {
  const int64_t constants[] = {kChunk, kBlock, sizeof(ScanArgs), sizeof(DeformArgs)};
  return constants[which];
}

// Both return 0, or 1 when memory ran out.
EXPORT int64_t scan_forward(const ScanArgs* args) {
  const ScanArgs& a = *args;
  const Variant& variant = choose();
  const int64_t size = panel_blocks(a, a.panels), blocks = scan_group_blocks(a);
  const int64_t panels = (blocks + size - 1) / size, tasks = a.merges * a.batch * a.groups * panels;
  return !parallel(tasks, a.threads, variant.scan_workspace(a, size, false), [&](int64_t task, char* memory) {
    const int64_t panel = task % panels, group = task / panels % a.groups;
    const int64_t batch = task / panels / a.groups % a.batch, merge = task / panels / a.groups / a.batch;
    const int64_t first = panel * size, count = blocks - first < size ? blocks - first : size;
    variant.scan(a, batch, group, first, count, merge, false, memory);
  });
}

EXPORT int64_t scan_backward(const ScanArgs* args) {
  const ScanArgs& a = *args;
  const Variant& variant = choose();
  const int64_t size = panel_blocks(a, a.panels), blocks = scan_group_blocks(a);
  const int64_t panels = (blocks + size - 1) / size, tasks = a.batch * a.groups * panels;
  return !parallel(tasks, a.threads, variant.scan_workspace(a, size, true), [&](int64_t task, char* memory) {
    const int64_t panel = task % panels, group = task / panels % a.groups, batch = task / panels / a.groups;
    const int64_t first = panel * size, count = blocks - first < size ? blocks - first : size;
    variant.scan(a, batch, group, first, count, panel, true, memory);
  });
}

EXPORT int64_t deform_forward(const DeformArgs* args) {
  const DeformArgs& a = *args;
  const Variant& variant = choose();
  const int64_t rows = 4, parts = (a.out_height + rows - 1) / rows;
  return !parallel(a.batch * parts, a.threads, variant.deform_workspace(a), [&](int64_t i, char* memory) {
    const int64_t row0 = i % parts * rows, row1 = row0 + rows < a.out_height ? row0 + rows : a.out_height;
    variant.deform(a, DeformTask{i / parts, row0, row1, 0, 0, 0, 0, false}, memory);
  });
}

EXPORT int64_t deform_backward(const DeformArgs* args) {
  const DeformArgs& a = *args;
  const Variant& variant = choose();
  const int64_t width = a.channels / a.offset_groups, size = (width + a.panels - 1) / a.panels;
  const int64_t tasks = a.batch * a.offset_groups * a.panels;
  return !parallel(tasks, a.threads, variant.deform_workspace(a), [&](int64_t i, char* memory) {
    const int64_t panel = i % a.panels, group = i / a.panels % a.offset_groups;
    const int64_t first = panel * size < width ? panel * size : width;
    const int64_t last = first + size < width ? first + size : width;
    variant.deform(a, DeformTask{i / a.panels / a.offset_groups, 0, 0, group, panel, group * width + first,
                                 group * width + last, true}, memory);
  });
}
