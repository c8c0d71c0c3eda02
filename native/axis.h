#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "pixel.h"

namespace clip {

/// Pillow's bicubic (a = −0.5) weights along one axis, for the positions that the crop keeps.
struct Axis {
  std::vector<Span> spans;      ///< one per output position
  std::vector<double> weights;  ///< spans.size() × taps, rows padded with zeros
  int taps;                     ///< longest span

  const double* row(size_t i) const { return weights.data() + i * taps; }
  /// First source position that is read, and the one after the last.
  int begin() const;
  int end() const;
};

/// Weights of the positions offset … offset + count − 1 when `in` pixels become `out`.
Axis bicubic_axis(int64_t in, int64_t out, int64_t offset, int count);

}  // namespace clip
