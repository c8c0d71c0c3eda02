#include "geometry.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace clip {
namespace {

/// int(resolution · long / short): Python divides two integers to the nearest double, then truncates.
int64_t resized_long_side(int64_t longer, int64_t shorter, int resolution) {
  return static_cast<int64_t>(static_cast<double>(resolution * longer) / static_cast<double>(shorter));
}

/// int(round((side − resolution) / 2)), where Python rounds halves to even.
int64_t crop_offset(int64_t side, int resolution) {
  const int64_t excess = side - resolution;
  const int64_t half = excess / 2;
  return excess % 2 == 0 ? half : half + half % 2;
}

}  // namespace

Geometry crop_geometry(int64_t width, int64_t height, int resolution) {
  if (width < 1 || height < 1 || width > kMaxSide || height > kMaxSide)
    throw std::length_error("sides of 1 to " + std::to_string(kMaxSide) + " pixels expected, got " +
                            std::to_string(width) + "x" + std::to_string(height));
  const int64_t shorter = std::min(width, height);
  const int64_t longer = resized_long_side(std::max(width, height), shorter, resolution);
  if (longer > kMaxResizedSide)
    throw std::length_error("a picture of " + std::to_string(width) + "x" + std::to_string(height) +
                            " is too narrow: resized it would be " + std::to_string(longer) + " pixels long, over " +
                            std::to_string(kMaxResizedSide));
  Geometry geometry{resolution, resolution, 0, 0};
  if (shorter == resolution) {
    geometry.width = width;
    geometry.height = height;
  } else if (width <= height) {
    geometry.height = longer;
  } else {
    geometry.width = longer;
  }
  geometry.left = crop_offset(geometry.width, resolution);
  geometry.top = crop_offset(geometry.height, resolution);
  return geometry;
}

void check_size(size_t size, int64_t width, int64_t height, int bytes_per_pixel) {
  // The sides are below 2^24, so the product fits in 64 bits.
  const uint64_t expected = static_cast<uint64_t>(width) * static_cast<uint64_t>(height) * bytes_per_pixel;
  if (size != expected)
    throw std::invalid_argument(std::to_string(expected) + " bytes of pixels expected, got " + std::to_string(size));
}

}  // namespace clip
