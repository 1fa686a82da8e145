// Deformable convolution on channels-last maps, for one instruction set; torchvision's conventions.
//
// Included inside an anonymous namespace after simd.h. Channels lie across vector lanes: the four neighbours of a
// sampling place are computed once and serve all channels that share the offsets.

template <typename T>
struct Deform {
  typedef typename Simd<T>::V V;
  static constexpr int lanes = Simd<T>::lanes;
  enum { kPlaces = 64 };  // kernel places handled at once, larger kernels in several rounds

  const DeformArgs& a;
  const DeformTask& task;
  const int64_t kk, places;  // places: kernel places of all offset groups
  T* zeros;                  // a row of zeros, what lies outside of the map
  T* dump;                   // a row for gradients that lie outside
  int64_t at[kPlaces][4];    // start of a corner's row of channels, -1 outside
  T share[kPlaces][4];       // bilinear weight times mask
  T frac[kPlaces][2], masks[kPlaces];

  static int64_t workspace(const DeformArgs& a) {
    return 2 * (a.channels + 16) * (int64_t)sizeof(T);
  }

  Deform(const DeformArgs& args, const DeformTask& task_, char* memory)
      : a(args), task(task_), kk(args.kernel_h * args.kernel_w), places(kk * args.offset_groups) {
    zeros = reinterpret_cast<T*>(memory);
    dump = zeros + a.channels + 16;
    for (int64_t c = 0; c < a.channels; ++c) zeros[c] = 0;
  }

  static V load(const T* p) {
    V v;
    __builtin_memcpy(&v, p, sizeof(v));
    return v;
  }
  static void store(T* p, V v) { __builtin_memcpy(p, &v, sizeof(v)); }
  static int64_t floor_of(T x) {
    const int64_t i = (int64_t)x;
    return (T)i > x ? i - 1 : i;
  }

  int64_t pixel(int64_t y, int64_t x) const { return (task.image * a.out_height + y) * a.out_width + x; }

  // Corners and shares of kernel places [k0, k1) of an offset group at an output pixel.
  void sample(int64_t y, int64_t x, int64_t group, int64_t k0, int64_t k1) {
    const int64_t place0 = pixel(y, x) * places + group * kk;
    const T* offset = (const T*)a.offset + place0 * 2;
    for (int64_t k = k0; k < k1; ++k) {
      const int64_t i = k - k0;
      const T py = (T)(y * a.stride_h - a.pad_h + k / a.kernel_w * a.dilation_h) + offset[2 * k];
      const T px = (T)(x * a.stride_w - a.pad_w + k % a.kernel_w * a.dilation_w) + offset[2 * k + 1];
      masks[i] = a.mask ? ((const T*)a.mask)[place0 + k] : (T)1;
      const bool near = py >= (T)-1 && py < (T)a.height && px >= (T)-1 && px < (T)a.width;
      const int64_t y0 = near ? floor_of(py) : 0, x0 = near ? floor_of(px) : 0;
      const T fy = near ? py - (T)y0 : (T)0, fx = near ? px - (T)x0 : (T)0;
      frac[i][0] = fy;
      frac[i][1] = fx;
      for (int corner = 0; corner < 4; ++corner) {
        const int64_t cy = y0 + corner / 2, cx = x0 + corner % 2;
        const bool inside = near && cy >= 0 && cy < a.height && cx >= 0 && cx < a.width;
        at[i][corner] = inside ? ((task.image * a.height + cy) * a.width + cx) * a.channels : -1;
        share[i][corner] = (corner / 2 ? fy : (T)1 - fy) * (corner % 2 ? fx : (T)1 - fx) * masks[i];
      }
    }
  }

  const T* row(int64_t start) const { return start < 0 ? zeros : (const T*)a.input + start; }

  void forward_pixel(int64_t y, int64_t x, int64_t c0, int64_t c1, int64_t k0, int64_t k1) {
    const T* rows[kPlaces][4];
    for (int64_t i = 0; i < k1 - k0; ++i)
      for (int corner = 0; corner < 4; ++corner) rows[i][corner] = row(at[i][corner]);
    T* out = (T*)a.out + pixel(y, x) * (a.depthwise ? a.channels : kk * a.channels);
    const T *weight = (const T*)a.weight, *bias = (const T*)a.bias;
    int64_t c = c0;
    for (; c + lanes <= c1; c += lanes) {
      V sum = k0 ? load(out + c) : bias && a.depthwise ? load(bias + c) : V{};
      for (int64_t i = 0; i < k1 - k0; ++i) {
        V v = load(rows[i][0] + c) * share[i][0];
        for (int corner = 1; corner < 4; ++corner) v += load(rows[i][corner] + c) * share[i][corner];
        if (a.depthwise)
          sum += v * load(weight + (k0 + i) * a.channels + c);
        else
          store(out + (k0 + i) * a.channels + c, v);
      }
      if (a.depthwise) store(out + c, sum);
    }
    for (; c < c1; ++c) {
      T sum = k0 ? out[c] : bias && a.depthwise ? bias[c] : (T)0;
      for (int64_t i = 0; i < k1 - k0; ++i) {
        T v = 0;
        for (int corner = 0; corner < 4; ++corner) v += rows[i][corner][c] * share[i][corner];
        if (a.depthwise)
          sum += v * weight[(k0 + i) * a.channels + c];
        else
          out[(k0 + i) * a.channels + c] = v;
      }
      if (a.depthwise) out[c] = sum;
    }
  }

  void forward() {
    const int64_t width = a.channels / a.offset_groups;
    for (int64_t y = task.row0; y < task.row1; ++y)
      for (int64_t x = 0; x < a.out_width; ++x)
        for (int64_t group = 0; group < a.offset_groups; ++group)
          for (int64_t k0 = 0; k0 < kk; k0 += kPlaces) {
            const int64_t k1 = k0 + kPlaces < kk ? k0 + kPlaces : kk;
            sample(y, x, group, k0, k1);
            forward_pixel(y, x, group * width, (group + 1) * width, k0, k1);
          }
  }

  // Gradients of one kernel place i for the channels of the task: products[corner] = <gradient, corner's row>.
  void backward_place(int64_t i, const T* grad, const T* weight, T* dweight, T products[4]) {
    const T* rows[4];
    T* drows[4];
    for (int corner = 0; corner < 4; ++corner) {
      rows[corner] = row(at[i][corner]);
      drows[corner] = at[i][corner] < 0 ? dump : (T*)a.dinput + at[i][corner];
    }
    V sums[4] = {};
    int64_t c = task.channel0;
    for (; c + lanes <= task.channel1; c += lanes) {
      V g = load(grad + c);
      V value[4];
      for (int corner = 0; corner < 4; ++corner) value[corner] = load(rows[corner] + c);
      if (weight) {
        V v = value[0] * share[i][0];
        for (int corner = 1; corner < 4; ++corner) v += value[corner] * share[i][corner];
        store(dweight + c, load(dweight + c) + v * g);
        g *= load(weight + c);
      }
      for (int corner = 0; corner < 4; ++corner) {
        sums[corner] += g * value[corner];
        store(drows[corner] + c, load(drows[corner] + c) + g * share[i][corner]);
      }
    }
    for (int corner = 0; corner < 4; ++corner) products[corner] = sumv(sums[corner]);
    for (; c < task.channel1; ++c) {
      T g = grad[c];
      if (weight) {
        T v = 0;
        for (int corner = 0; corner < 4; ++corner) v += rows[corner][c] * share[i][corner];
        dweight[c] += v * g;
        g *= weight[c];
      }
      for (int corner = 0; corner < 4; ++corner) {
        products[corner] += g * rows[corner][c];
        drows[corner][c] += g * share[i][corner];
      }
    }
  }

  void backward_pixel(int64_t y, int64_t x, int64_t k0, int64_t k1) {
    const int64_t place0 = (task.panel * a.batch * a.out_height * a.out_width + pixel(y, x)) * places +
                           task.offset_group * kk;
    T* doffset = (T*)a.doffset + place0 * 2;
    const T* dout = (const T*)a.dout + pixel(y, x) * (a.depthwise ? a.channels : kk * a.channels);
    for (int64_t k = k0; k < k1; ++k) {
      const int64_t i = k - k0, row = k * a.channels;
      T p[4];
      if (a.depthwise)
        backward_place(i, dout, (const T*)a.weight + row, (T*)a.dweight + task.image * kk * a.channels + row, p);
      else
        backward_place(i, dout + row, nullptr, nullptr, p);
      const T fy = frac[i][0], fx = frac[i][1];
      doffset[2 * k] = masks[i] * (((T)1 - fx) * (p[2] - p[0]) + fx * (p[3] - p[1]));
      doffset[2 * k + 1] = masks[i] * (((T)1 - fy) * (p[1] - p[0]) + fy * (p[3] - p[2]));
      if (a.dmask)
        ((T*)a.dmask)[place0 + k] = ((T)1 - fy) * (((T)1 - fx) * p[0] + fx * p[1]) +
                                    fy * (((T)1 - fx) * p[2] + fx * p[3]);
    }
  }

  void backward() {
    for (int64_t c = 0; c < a.channels; ++c) dump[c] = 0;
    for (int64_t k = 0; a.depthwise && k < kk; ++k)
      for (int64_t c = task.channel0; c < task.channel1; ++c)
        ((T*)a.dweight)[(task.image * kk + k) * a.channels + c] = 0;
    for (int64_t y = 0; y < a.out_height; ++y)
      for (int64_t x = 0; x < a.out_width; ++x)
        for (int64_t k0 = 0; k0 < kk; k0 += kPlaces) {
          const int64_t k1 = k0 + kPlaces < kk ? k0 + kPlaces : kk;
          sample(y, x, task.offset_group, k0, k1);
          backward_pixel(y, x, k0, k1);
        }
  }
};

template <typename T>
void run_deform(const DeformArgs& a, const DeformTask& task, char* memory) {
  Deform<T> deform(a, task, memory);
  if (task.backward)
    deform.backward();
  else
    deform.forward();
}
