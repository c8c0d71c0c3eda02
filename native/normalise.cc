#include "normalise.h"

#include <array>

#include "pixel.h"

namespace clip {
namespace {

using Table = std::array<std::array<float, 256>, 3>;

/// Every value that can come out.
constexpr Table make_table() {
  Table table{};
  for (int c = 0; c < 3; c++)
    for (int value = 0; value < 256; value++) table[c][value] = normalised(static_cast<uint8_t>(value), c);
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
