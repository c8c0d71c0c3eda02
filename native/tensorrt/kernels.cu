// The CUDA kernels; scripts/make-kernels.py compiles them into kernels/. A block's x is the row of the output, so that
// rows may be many, and its y and the thread are the place in the row.

#include "../pixel.h"
#include "half.h"

/// SHA-256 of the sources, in every image: whether kernels/ belongs to them can be read off.
extern "C" {
__constant__ char clip_sources[65] = CLIP_SOURCES;
}

namespace {

__device__ uint32_t place() { return blockIdx.y * blockDim.x + threadIdx.x; }

__device__ void store(float* out, float value) { *out = value; }
__device__ void store(uint16_t* out, float value) { *out = clip::tensorrt::half_bits(value); }

/// [rows, pixels, 3] bytes → [rows, 3, pixels] values.
template <typename Value>
__device__ void normalise(const uint8_t* rgb, Value* out, uint32_t pixels) {
  if (place() >= pixels) return;
  const uint64_t image = static_cast<uint64_t>(blockIdx.x) * pixels * 3;
  const uint8_t* pixel = rgb + image + static_cast<uint64_t>(place()) * 3;
  for (int c = 0; c < 3; c++)
    store(out + image + static_cast<uint64_t>(c) * pixels + place(), clip::normalised(pixel[c], c));
}

}  // namespace

extern "C" __global__ void clip_normalise_float32(const uint8_t* rgb, float* out, uint32_t pixels) {
  normalise(rgb, out, pixels);
}

extern "C" __global__ void clip_normalise_float16(const uint8_t* rgb, uint16_t* out, uint32_t pixels) {
  normalise(rgb, out, pixels);
}

/// Pillow's horizontal pass: rows of RGB that lie `stride` bytes apart → [rows, width, 3]. `weights` has `taps` for each
/// of the `width` spans.
extern "C" __global__ void clip_across(const uint8_t* in, uint64_t stride, uint8_t* out, const clip::Span* spans,
                                       const int32_t* weights, uint32_t taps, uint32_t width) {
  const uint32_t x = place();
  if (x >= width) return;
  const clip::Span span = spans[x];
  const int32_t* weight = weights + static_cast<uint64_t>(x) * taps;
  const uint8_t* pixel = in + blockIdx.x * stride + static_cast<uint64_t>(span.first) * 3;
  int32_t sums[3] = {clip::kRound, clip::kRound, clip::kRound};
  for (int32_t k = 0; k < span.count; k++, pixel += 3)
    for (int c = 0; c < 3; c++) sums[c] += pixel[c] * weight[k];
  out += (static_cast<uint64_t>(blockIdx.x) * width + x) * 3;
  for (int c = 0; c < 3; c++) out[c] = clip::clip8(sums[c]);
}

/// Pillow's vertical pass: rows of `bytes` bytes → [rows, bytes], a span of the input's rows for each.
extern "C" __global__ void clip_down(const uint8_t* in, uint8_t* out, const clip::Span* spans, const int32_t* weights,
                                     uint32_t taps, uint32_t bytes) {
  if (place() >= bytes) return;
  const clip::Span span = spans[blockIdx.x];
  const int32_t* weight = weights + static_cast<uint64_t>(blockIdx.x) * taps;
  const uint8_t* byte = in + static_cast<uint64_t>(span.first) * bytes + place();
  int32_t sum = clip::kRound;
  for (int32_t k = 0; k < span.count; k++, byte += bytes) sum += *byte * weight[k];
  out[static_cast<uint64_t>(blockIdx.x) * bytes + place()] = clip::clip8(sum);
}
