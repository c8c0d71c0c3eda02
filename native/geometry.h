#pragma once

#include <cstddef>
#include <cstdint>

namespace clip {

/// Largest side of a picture: Pillow holds its resize box as float32, which is exact below 2^24.
constexpr int64_t kMaxSide = (1 << 24) - 1;
/// Largest side after the resize. Pillow would need 30 GB for such a picture; here it bounds the walk to the crop.
constexpr int64_t kMaxResizedSide = 1 << 25;
constexpr int kMaxResolution = 2048;

/// Where the centre crop lies in the resized picture.
struct Geometry {
  int64_t width;   ///< of the whole resized picture
  int64_t height;
  int64_t left;    ///< of the crop, resolution × resolution
  int64_t top;
};

/// torchvision's `Resize(resolution)` and `CenterCrop(resolution)` for a width × height picture.
/// @throws std::length_error when a side is beyond the limits above
Geometry crop_geometry(int64_t width, int64_t height, int resolution);

/// @throws std::invalid_argument when `size` bytes are not a width × height picture; both sides are within the limit above
void check_size(size_t size, int64_t width, int64_t height, int bytes_per_pixel);

}  // namespace clip
