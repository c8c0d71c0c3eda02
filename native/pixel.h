#pragma once

// What is computed of one pixel, and how it is rounded: one text for the CPU's versions and for CUDA's
// (tensorrt/kernels.cu), so it uses no library.

#include <cstdint>

namespace clip {

/// Source pixels that one output position reads.
struct Span {
  int32_t first;
  int32_t count;
};

/// Pillow keeps 22 bits of fraction in a weight: 32 minus 8 for the pixel and 2 for overshoot.
constexpr int kPrecision = 22;
constexpr int32_t kRound = 1 << (kPrecision - 1);

/// A sum of pixels × weights that began at kRound → the byte that Pillow stores after a pass.
inline uint8_t clip8(int32_t sum) {
  const int32_t value = sum >> kPrecision;
  return static_cast<uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
}

/// CLIP's normalisation of one value of channel 0, 1 or 2 (red, green, blue). Each step rounds to float32, as PyTorch's
/// does: x / 255, − mean, ÷ standard deviation.
constexpr float normalised(uint8_t value, int channel) {
  constexpr float mean[3] = {0.48145466f, 0.4578275f, 0.40821073f};
  constexpr float deviation[3] = {0.26862954f, 0.26130258f, 0.27577711f};
  const float scaled = static_cast<float>(value) / 255.0f;
  const float centred = scaled - mean[channel];
  return centred / deviation[channel];
}

}  // namespace clip
