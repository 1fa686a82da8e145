// Arguments of the deformable convolution, shared by C++ and by mmpose_gss/ops/deform_conv2d.py (same field order).
//
// Legend: B batch, C channels, H x W input map, h x w output map, kk kernel places (kh * kw), Q groups of channels
// with their own offsets. All tensors are contiguous, channels last, as given here.
#pragma once
#include <stdint.h>

struct DeformArgs {
  int64_t is_double, depthwise, batch, channels, height, width, out_height, out_width, kernel_h, kernel_w;
  int64_t stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w, offset_groups, panels, threads;
  const void *input;   // (B, H, W, C)
  const void *offset;  // (B, h, w, Q * kk * 2), a pair (dy, dx) per place
  const void *mask;    // (B, h, w, Q * kk) or null
  const void *weight;  // (kk, C), depth-wise only
  const void *bias;    // (C) or null, depth-wise only
  void *out;           // depth-wise (B, h, w, C), else columns (B, h, w, kk, C)
  // Backward.
  const void *dout;
  void *dinput;   // like input, zeros
  void *doffset;  // (panels, B, h, w, Q * kk * 2)
  void *dmask;    // (panels, B, h, w, Q * kk) or null
  void *dweight;  // (B, kk, C), depth-wise only
};

// Forward: rows [row0, row1) of the output of one image. Backward: channels of one panel of an offset group.
struct DeformTask {
  int64_t image, row0, row1, offset_group, panel, channel0, channel1;
  bool backward;
};
