#include <cmath>
#include <cstring>
#include <vector>

#include "bicubic.h"

namespace clip {
namespace {

int32_t grey16(const uint8_t* row, size_t x) {
  uint16_t value;
  std::memcpy(&value, row + 2 * x, sizeof value);
  return value;
}

/// Halves away from zero, as Pillow rounds between and after the passes.
int32_t rounded(double sum) {
  return static_cast<int32_t>(sum >= 0.0 ? std::floor(sum + 0.5) : -std::floor(std::fabs(sum) + 0.5));
}

}  // namespace

void clamp_grey16(const uint8_t* in, uint8_t* out, size_t pixels) {
  std::vector<int32_t> values(pixels);
  for (size_t x = 0; x < pixels; x++) values[x] = grey16(in, x);
  grey32_to_rgb(values.data(), out, pixels);
}

void bicubic32(const Picture& picture, const Geometry& geometry, uint8_t* out) {
  const size_t resolution = picture.resolution;
  const Axis across = bicubic_axis(picture.width, geometry.width, geometry.left, picture.resolution);
  const Axis down = bicubic_axis(picture.height, geometry.height, geometry.top, picture.resolution);

  const size_t height = static_cast<size_t>(down.end() - down.begin());
  std::vector<int32_t> narrowed(height * resolution);
  for (size_t y = 0; y < height; y++) {
    const uint8_t* row = picture.data + (down.begin() + y) * picture.width * 2;
    for (size_t i = 0; i < resolution; i++) {
      const Span span = across.spans[i];
      double sum = 0.0;
      for (int x = 0; x < span.count; x++) sum += grey16(row, span.first + x) * across.row(i)[x];
      narrowed[y * resolution + i] = rounded(sum);
    }
  }

  std::vector<int32_t> line(resolution);
  for (size_t y = 0; y < resolution; y++, out += resolution * 3) {
    const Span span = down.spans[y];
    const int32_t* column = narrowed.data() + (span.first - down.begin()) * resolution;
    for (size_t i = 0; i < resolution; i++) {
      double sum = 0.0;
      for (int k = 0; k < span.count; k++) sum += column[k * resolution + i] * down.row(y)[k];
      line[i] = rounded(sum);
    }
    grey32_to_rgb(line.data(), out, resolution);
  }
}

}  // namespace clip
