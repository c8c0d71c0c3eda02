#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "axis.h"

namespace clip {

/// Weights as Pillow's 8-bit path uses them.
struct FixedAxis {
  std::vector<Span> spans;
  std::vector<int32_t> weights;  ///< spans.size() × taps, padded with zeros
  int taps;                      ///< longest span, rounded up to what a vector kernel reads at once
  std::vector<int16_t> packed;   ///< the same weights as a vector kernel reads them: Kernel::pack

  const int32_t* row(size_t i) const { return weights.data() + i * taps; }
};

/// Rounds the weights; spans count from axis.begin().
FixedAxis fixed_axis(const Axis& axis, int channels);

}  // namespace clip
