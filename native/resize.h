#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels.h"
#include "modes.h"

namespace clip {

/// A decoded picture, rows without padding, and the side of the crop wanted from it.
struct Picture {
  const uint8_t* data;
  size_t size;  ///< bytes behind `data`: width × height × bytes_per_pixel(mode)
  int width;
  int height;
  Mode mode;
  const uint8_t* palette;  ///< kPaletteBytes for Mode::P, else unused
  int resolution;
};

/// Pillow's resize of the shorter side to the resolution (bicubic or nearest, as the mode asks), centre crop and
/// conversion to RGB, in that order; computes only what the crop keeps. `out` takes resolution² × 3 bytes.
/// @throws std::invalid_argument, std::length_error, std::bad_alloc
void resize_crop(const Picture& picture, uint8_t* out, const Kernel& kernel);

}  // namespace clip
