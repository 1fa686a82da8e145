// Arguments of the selective scan, shared by C++ and by mmpose_gss/ops/native/library.py (same field order).
//
// Legend: B batch, D channels, L tokens, N states, G groups of channels sharing B and C, K scan orders,
// M merge groups of orders, Q tokens in a chunk, P channels in a block. Strides count elements.
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { kChunk = 16, kBlock = 16 };  // Q and P; python reads them through scan_constant()

struct ScanArgs {
  int64_t is_double, softplus, batch, dim, len, states, groups, orders, merges, panels, threads;
  // Inputs; a stride over orders (*_k) of 0 means shared by all orders.
  const void *u, *delta, *A, *B, *C, *D, *bias, *z;
  int64_t u_k, u_b, u_d, u_l;
  int64_t delta_k, delta_b, delta_d, delta_l;
  int64_t A_k, A_d, A_n;
  int64_t B_k, B_b, B_g, B_n, B_l;
  int64_t C_k, C_b, C_g, C_n, C_l;
  int64_t D_k, bias_k;
  int64_t z_b, z_d, z_l;
  // Scan orders: token per position (K, L), 1 at the first position of a sequence (K, L), merge group (K);
  // null index: tokens in natural order, one sequence.
  const int32_t* index;
  const uint8_t* first;
  const int64_t* merge;
  // Output (M, B, D, L) by strides, chunk-boundary states (K, B, chunks, blocks, N, P), last state (B, D, N).
  void* y;
  int64_t y_m, y_b, y_d, y_l;
  void *boundary, *last;
  // Backward: incoming gradients, strided like y; du, ddelta and dz strided like u, delta and z here.
  const void *dy, *dlast;
  int64_t dy_m, dy_b, dy_d, dy_l;
  void *du, *ddelta, *dz;
  int64_t du_k, du_b, du_d, du_l;
  int64_t ddelta_k, ddelta_b, ddelta_d, ddelta_l;
  int64_t dz_b, dz_d, dz_l;
  // Partial sums, contiguous: dA (K, B, D, N), dD and dbias (K, B, D), dB and dC (K or 1, panels, B, L, G, N).
  void *dA, *dD, *dbias, *dB, *dC;
  int64_t dB_k, dC_k;
};

static inline int64_t scan_merge_of(const ScanArgs& a, int64_t k) { return a.merge ? a.merge[k] : 0; }

// Blocks do not straddle groups; panels are runs of blocks inside one group.
static inline int64_t scan_group_blocks(const ScanArgs& a) {
  return (a.dim / a.groups + kBlock - 1) / kBlock;
}
