// One instruction set's kernels, as the dispatcher in bindings.cpp sees them.
#pragma once
#include "deform_args.h"
#include "scan_args.h"

// which: the merge group (forward) or the panel's number in its group (backward).
struct Variant {
  const char* name;
  int64_t (*scan_workspace)(const ScanArgs& a, int64_t blocks, bool backward);
  void (*scan)(const ScanArgs& a, int64_t batch, int64_t group, int64_t block0, int64_t blocks, int64_t which,
               bool backward, char* memory);
  int64_t (*deform_workspace)(const DeformArgs& a);
  void (*deform)(const DeformArgs& a, const DeformTask& task, char* memory);
};
