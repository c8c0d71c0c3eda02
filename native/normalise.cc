#include "normalise.h"

#include <array>

namespace clip {
namespace {

using Table = std::array<std::array<float, 256>, 3>;

/// Every value that can come out. Each step rounds to float32, as PyTorch's does: x / 255, − mean, ÷ std.
constexpr Table make_table() {
  constexpr float mean[3] = {0.48145466f, 0.4578275f, 0.40821073f};
  constexpr float deviation[3] = {0.26862954f, 0.26130258f, 0.27577711f};
  Table table{};
  for (int c = 0; c < 3; c++)
    for (int value = 0; value < 256; value++) {
      const float scaled = static_cast<float>(value) / 255.0f;
      const float centred = scaled - mean[c];
      table[c][value] = centred / deviation[c];
    }
  return table;
}

constexpr Table kTable = make_table();

}  // namespace

void normalise(const uint8_t* rgb, size_t pixels, float* out) {
  float* red = out;
  float* green = out + pixels;
  float* blue = out + 2 * pixels;
  for (size_t i = 0; i < pixels; i++, rgb += 3) {
    red[i] = kTable[0][rgb[0]];
    green[i] = kTable[1][rgb[1]];
    blue[i] = kTable[2][rgb[2]];
  }
}

}  // namespace clip
