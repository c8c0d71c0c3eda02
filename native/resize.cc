#include "resize.h"

#include <stdexcept>
#include <string>

#include "bicubic.h"
#include "geometry.h"
#include "nearest.h"

namespace clip {
namespace {

void check(const Picture& picture) {
  if (picture.resolution < 1 || picture.resolution > kMaxResolution)
    throw std::invalid_argument("a resolution of 1 to " + std::to_string(kMaxResolution) + " expected, got " +
                                std::to_string(picture.resolution));
  check_size(picture.size, picture.width, picture.height, bytes_per_pixel(picture.mode));
  if (picture.mode == Mode::P && !picture.palette) throw std::invalid_argument("mode P needs a palette");
}

/// The shorter side is the resolution already: nothing is resampled, and alpha is dropped without touching colours.
void crop_only(const Picture& picture, const Geometry& geometry, uint8_t* out) {
  const int pixel = bytes_per_pixel(picture.mode);
  const size_t resolution = picture.resolution;
  for (size_t y = 0; y < resolution; y++, out += resolution * 3) {
    const size_t at = (static_cast<size_t>(geometry.top) + y) * picture.width + static_cast<size_t>(geometry.left);
    const uint8_t* row = picture.data + at * pixel;
    if (picture.mode == Mode::I)
      clamp_grey16(row, out, resolution);
    else
      to_rgb(row, out, resolution, picture.mode, picture.palette);
  }
}

}  // namespace

void resize_crop(const Picture& picture, uint8_t* out, const Kernel& kernel) {
  const Geometry geometry = crop_geometry(picture.width, picture.height, picture.resolution);
  check(picture);
  if (geometry.width == picture.width && geometry.height == picture.height) return crop_only(picture, geometry, out);
  switch (picture.mode) {
    case Mode::P:
    case Mode::NearestL:
    case Mode::NearestRGB:
      return nearest(picture, geometry, out);
    case Mode::I:
      return bicubic32(picture, geometry, out);
    default:
      return bicubic8(picture, geometry, out, kernel);
  }
}

}  // namespace clip
