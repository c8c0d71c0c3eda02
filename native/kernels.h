#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "fixed_axis.h"

namespace clip {

/// Vector kernels multiply 16-bit halves: weight = high · 2^15 + low, 0 ≤ low < 2^15. Sums are taken modulo 2^32,
/// so the result is exact however large the halves' own sums grow.
constexpr int kLowBits = 15;

/// Bytes that a kernel may read past the last pixel of a span, and write past the end of a row.
constexpr size_t kOverread = 64;
constexpr size_t kOverwrite = 32;

/// One instruction set's version of the two passes. All versions give the same bytes.
struct Kernel {
  const char* name;
  /// Lays out FixedAxis::packed for `across` with this many channels; null where `across` reads the plain weights.
  void (*pack)(FixedAxis& axis, int channels);
  /// One row, spans.size() pixels of 1, 3 or 4 channels. `in` is readable kOverread bytes past its last pixel.
  void (*across)(const uint8_t* in, uint8_t* out, const FixedAxis& axis, int channels);
  /// One row of `bytes` bytes from `count` rows that lie `stride` apart; `out` is writable kOverwrite bytes past its end,
  /// and so is `in` readable.
  void (*down)(const uint8_t* in, size_t stride, int count, const int32_t* weights, uint8_t* out, size_t bytes);
};

/// Kernels that this processor can run, fastest first; the last is always the portable one.
std::vector<const Kernel*> kernels();

/// The portable kernel; others fall back to parts of it.
extern const Kernel kPortableKernel;
#if defined(__x86_64__) || defined(_M_X64)
extern const Kernel kSse41Kernel;
extern const Kernel kAvx2Kernel;
#endif

inline int16_t low_half(int32_t weight) { return static_cast<int16_t>(weight & ((1 << kLowBits) - 1)); }
inline int16_t high_half(int32_t weight) { return static_cast<int16_t>(weight >> kLowBits); }
/// Halves of two neighbouring weights in one word, as a multiply-add of 16-bit pairs reads them.
inline int32_t pair(int16_t first, int16_t second) {
  return static_cast<int32_t>(static_cast<uint16_t>(first) | static_cast<uint32_t>(static_cast<uint16_t>(second)) << 16);
}

}  // namespace clip
