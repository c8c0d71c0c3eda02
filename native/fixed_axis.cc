#include "fixed_axis.h"

namespace clip {
namespace {

int32_t to_fixed(double weight) {
  const double scaled = weight * (1 << kPrecision);
  return static_cast<int32_t>(weight < 0 ? scaled - 0.5 : scaled + 0.5);
}

}  // namespace

FixedAxis fixed_axis(const Axis& axis, int channels) {
  const int group = channels == 1 ? 16 : 4;
  FixedAxis fixed;
  fixed.spans = axis.spans;
  for (Span& span : fixed.spans) span.first -= axis.begin();
  fixed.taps = (axis.taps + group - 1) / group * group;
  fixed.weights.assign(axis.spans.size() * fixed.taps, 0);
  for (size_t i = 0; i < axis.spans.size(); i++)
    for (int x = 0; x < axis.spans[i].count; x++)
      fixed.weights[i * fixed.taps + x] = to_fixed(axis.row(i)[x]);
  return fixed;
}

}  // namespace clip
