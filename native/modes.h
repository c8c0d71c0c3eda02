#pragma once

#include <cstddef>
#include <cstdint>

namespace clip {

/// How the decoded picture's bytes are laid out and how Pillow resizes and converts them.
enum class Mode {
  L,           ///< 1 byte, bicubic
  RGB,         ///< 3 bytes, bicubic
  RGBA,        ///< 4 bytes, bicubic on colours premultiplied by alpha
  RGBX,        ///< 4 bytes, bicubic, the fourth is dropped
  CMYK,        ///< 4 bytes, bicubic, then Pillow's plain conversion
  I,           ///< 2 bytes, native order, bicubic in 32 bits, then clamped to 0–255
  P,           ///< 1 byte, nearest, then looked up in a palette of 256 × RGB
  NearestL,    ///< 1 byte, nearest
  NearestRGB,  ///< 3 bytes, nearest
};

int bytes_per_pixel(Mode mode);

constexpr size_t kPaletteBytes = 256 * 3;

/// RGBA → RGBA with the colours multiplied by alpha.
void premultiply(const uint8_t* in, uint8_t* out, size_t pixels);
/// Premultiplied RGBA → RGB.
void unpremultiply_to_rgb(const uint8_t* in, uint8_t* out, size_t pixels);
/// One pixel as the mode lays it out, except I → RGB.
void to_rgb(const uint8_t* in, uint8_t* out, size_t pixels, Mode mode, const uint8_t* palette);
/// 32-bit grey → RGB, clamped.
void grey32_to_rgb(const int32_t* in, uint8_t* out, size_t pixels);

}  // namespace clip
