#include "axis.h"

#include <algorithm>
#include <cmath>

namespace clip {
namespace {

double bicubic(double x) {
  constexpr double a = -0.5;
  x = std::fabs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

}  // namespace

int Axis::begin() const { return spans.front().first; }

int Axis::end() const { return spans.back().first + spans.back().count; }

// The order of operations is Pillow's: every weight has to be the same double, down to its last bit.
Axis bicubic_axis(int64_t in, int64_t out, int64_t offset, int count) {
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  const double filter_scale = std::max(scale, 1.0);
  const double support = 2.0 * filter_scale;
  const double step = 1.0 / filter_scale;

  Axis axis;
  axis.spans.reserve(count);
  axis.taps = std::min<int64_t>(static_cast<int64_t>(std::ceil(support)) * 2 + 1, in);
  axis.weights.assign(static_cast<size_t>(count) * axis.taps, 0.0);
  for (int i = 0; i < count; i++) {
    const double centre = (static_cast<double>(offset + i) + 0.5) * scale;
    const int first = std::max<int>(static_cast<int>(centre - support + 0.5), 0);
    const int last = std::min<int64_t>(static_cast<int>(centre + support + 0.5), in);
    double* row = axis.weights.data() + static_cast<size_t>(i) * axis.taps;
    double sum = 0.0;
    for (int x = first; x < last; x++) sum += row[x - first] = bicubic((x - centre + 0.5) * step);
    if (sum != 0.0)
      for (int x = first; x < last; x++) row[x - first] /= sum;
    axis.spans.push_back({first, last - first});
  }
  return axis;
}

}  // namespace clip
