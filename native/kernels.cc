#include "kernels.h"

namespace clip {
namespace {

template <int channels>
void across_channels(const uint8_t* in, uint8_t* out, const FixedAxis& axis) {
  for (size_t i = 0; i < axis.spans.size(); i++, out += channels) {
    const Span span = axis.spans[i];
    const uint8_t* pixel = in + static_cast<size_t>(span.first) * channels;
    const int32_t* weights = axis.row(i);
    int32_t sums[channels];
    for (int c = 0; c < channels; c++) sums[c] = kRound;
    for (int x = 0; x < span.count; x++, pixel += channels)
      for (int c = 0; c < channels; c++) sums[c] += pixel[c] * weights[x];
    for (int c = 0; c < channels; c++) out[c] = clip8(sums[c]);
  }
}

void across(const uint8_t* in, uint8_t* out, const FixedAxis& axis, int channels) {
  if (channels == 1) return across_channels<1>(in, out, axis);
  if (channels == 3) return across_channels<3>(in, out, axis);
  across_channels<4>(in, out, axis);
}

/// Blocks of columns keep their sums in registers; the inner loops vectorise on any machine.
void down(const uint8_t* in, size_t stride, int count, const int32_t* weights, uint8_t* out, size_t bytes) {
  constexpr size_t block = 32;
  for (size_t at = 0; at < bytes; at += block) {
    int32_t sums[block];
    for (size_t c = 0; c < block; c++) sums[c] = kRound;
    const uint8_t* row = in + at;
    for (int y = 0; y < count; y++, row += stride)
      for (size_t c = 0; c < block; c++) sums[c] += row[c] * weights[y];
    for (size_t c = 0; c < block; c++) out[at + c] = clip8(sums[c]);
  }
}

}  // namespace

const Kernel kPortableKernel{"portable", nullptr, across, down};

std::vector<const Kernel*> kernels() {
  std::vector<const Kernel*> found;
#if defined(__x86_64__) || defined(_M_X64)
  if (__builtin_cpu_supports("avx2")) found.push_back(&kAvx2Kernel);
  if (__builtin_cpu_supports("sse4.1")) found.push_back(&kSse41Kernel);
#endif
  found.push_back(&kPortableKernel);
  return found;
}

}  // namespace clip
