#include "nearest.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace clip {
namespace {

/// Source position of each crop position. Pillow walks along the axis by repeated addition; so must we, from the
/// start, because the rounding errors add up.
std::vector<size_t> positions(int64_t in, int64_t out, int64_t offset, int count) {
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  double at = scale * 0.5;
  for (int64_t i = 0; i < offset; i++) at += scale;
  std::vector<size_t> found(count);
  for (size_t& position : found) {
    position = static_cast<size_t>(at);
    at += scale;
  }
  return found;
}

}  // namespace

void nearest(const Picture& picture, const Geometry& geometry, uint8_t* out) {
  const size_t resolution = picture.resolution;
  const size_t pixel = bytes_per_pixel(picture.mode);
  const auto columns = positions(picture.width, geometry.width, geometry.left, picture.resolution);
  const auto rows = positions(picture.height, geometry.height, geometry.top, picture.resolution);
  std::vector<uint8_t> picked(resolution * pixel);
  for (size_t y = 0; y < resolution; y++, out += resolution * 3) {
    std::fill(picked.begin(), picked.end(), uint8_t{0});
    // Rounding can carry the walk over the edge; Pillow leaves such pixels zero.
    if (rows[y] < static_cast<size_t>(picture.height)) {
      const uint8_t* row = picture.data + rows[y] * picture.width * pixel;
      for (size_t x = 0; x < resolution; x++)
        if (columns[x] < static_cast<size_t>(picture.width))
          std::memcpy(picked.data() + x * pixel, row + columns[x] * pixel, pixel);
    }
    to_rgb(picked.data(), out, resolution, picture.mode, picture.palette);
  }
}

}  // namespace clip
