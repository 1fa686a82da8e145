// Vectors of floating numbers on GCC/clang vector extensions, with the few functions the scan needs.
//
// Included by one translation unit per instruction set, inside its anonymous namespace; it must not pull in
// inline functions of the standard library, which the linker could share between instruction sets.
// LANES_BYTES: bytes of a native vector.

extern "C" double exp(double) noexcept;
extern "C" double log1p(double) noexcept;

template <typename T>
struct Simd;

template <>
struct Simd<float> {
  typedef float V __attribute__((vector_size(LANES_BYTES)));
  typedef int32_t I __attribute__((vector_size(LANES_BYTES)));
  static constexpr int lanes = LANES_BYTES / 4;
};

template <>
struct Simd<double> {
  typedef double V __attribute__((vector_size(LANES_BYTES)));
  typedef int64_t I __attribute__((vector_size(LANES_BYTES)));
  static constexpr int lanes = LANES_BYTES / 8;
};

typedef Simd<float>::V VF;
typedef Simd<float>::I VI;
typedef Simd<double>::V VD;
typedef Simd<double>::I VL;

// Both return b when a is not a number nor b ordered with it, so that exp2(NaN) stays NaN with a constant first.
inline VF max_nan(VF constant, VF b) { return constant > b ? constant : b; }
inline VF min_nan(VF constant, VF b) { return constant < b ? constant : b; }

// 2^r for |r| <= 0.5, relative error 9e-8, which is float's rounding (own minimax fit, exact at 0). The exponent's
// own error is 1e-8 of itself, which bounds the drift of a slowly decaying state, however long the sequence.
inline VF exp2_fraction(VF r) {
  VF p = r * 0.00015403512225020677f + 0.0013390735257416964f;
  p = p * r + 0.009618237614631653f;
  p = p * r + 0.05550357326865196f;
  p = p * r + 0.24022649228572845f;
  p = p * r + 0.6931471824645996f;
  return p * r + 1.0f;
}

// 2^x. kBounded: |x| <= 125 is known. Otherwise flushes to about 1e-38 below -126 and gives inf from 128 on.
template <bool kBounded>
inline VF exp2v(VF x) {
  if (!kBounded) x = min_nan(VF{} + 128.0f, max_nan(VF{} - 126.0f, x));
  const VF shifted = x + 12582912.0f;  // 1.5 * 2^23: the integer part lands in the low bits
  const VF r = x - (shifted - 12582912.0f);
  return (VF)((VI)exp2_fraction(r) + ((VI)shifted << 23));
}

template <bool kBounded>
inline VD exp2v(VD x) {
  VD y;
  for (int i = 0; i < Simd<double>::lanes; ++i) y[i] = ::exp(x[i] * 0.69314718055994530942);
  return y;
}

// e^x with the product x * log2(e) in two parts, for x <= 0.
inline VF expv(VF x) {
  x = max_nan(VF{} - 87.0f, x);
  const VF shifted = x * 1.44269504088896341f + 12582912.0f;
  const VF k = shifted - 12582912.0f;
  VF r = x - k * 0.693359375f;
  r = r - k * -2.12194440054690583e-4f;
  return (VF)((VI)exp2_fraction(r * 1.44269504088896341f) + ((VI)shifted << 23));
}

inline VF absv(VF x) { return (VF)((VI)x & 0x7fffffff); }

// softplus(x) and its derivative; log1p(e) = 2 artanh(e / (2 + e)) with e in (0, 1].
inline void softplusv(VF x, VF* value, VF* slope) {
  const VF e = expv(-absv(x));
  const VF s = e / (e + 2.0f), q = s * s;
  VF p = q * (1.0f / 17) + 1.0f / 15;
  p = p * q + 1.0f / 13;
  p = p * q + 1.0f / 11;
  p = p * q + 1.0f / 9;
  p = p * q + 1.0f / 7;
  p = p * q + 1.0f / 5;
  p = p * q + 1.0f / 3;
  p = p * q + 1.0f;
  const VF log1p_e = 2.0f * s * p;
  *value = max_nan(VF{}, x) + log1p_e;
  const VF inverse = 1.0f / (e + 1.0f);
  *slope = x < 0.0f ? e * inverse : inverse;
}

inline void softplusv(VD x, VD* value, VD* slope) {
  for (int i = 0; i < Simd<double>::lanes; ++i) {
    const double e = ::exp(x[i] < 0 ? x[i] : -x[i]);
    (*value)[i] = (x[i] > 0 ? x[i] : 0) + ::log1p(e);
    (*slope)[i] = (x[i] < 0 ? e : 1.0) / (1.0 + e);
    if (x[i] != x[i]) (*value)[i] = (*slope)[i] = x[i];
  }
}

inline VF sigmoidv(VF x) {
  const VF e = expv(-absv(x)), inverse = 1.0f / (e + 1.0f);
  return x < 0.0f ? e * inverse : inverse;
}

inline VD sigmoidv(VD x) {
  VD value, slope;
  softplusv(x, &value, &slope);
  return slope;
}

inline float sumv(VF x) {
  float total = 0;
  for (int width = Simd<float>::lanes / 2; width; width /= 2)
    for (int i = 0; i < width; ++i) x[i] += x[i + width];
  total = x[0];
  return total;
}

inline double sumv(VD x) {
  for (int width = Simd<double>::lanes / 2; width; width /= 2)
    for (int i = 0; i < width; ++i) x[i] += x[i + width];
  return x[0];
}
