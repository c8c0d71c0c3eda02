#include "modes.h"

#include <algorithm>
#include <cstring>

namespace clip {
namespace {

/// a · b / 255, rounded, for 0 ≤ a, b ≤ 255.
inline uint8_t multiply(unsigned a, unsigned b) {
  const unsigned t = a * b + 128;
  return static_cast<uint8_t>(((t >> 8) + t) >> 8);
}

inline void repeat(uint8_t* out, uint8_t grey) { out[0] = out[1] = out[2] = grey; }

inline void cmyk_to_rgb(const uint8_t* in, uint8_t* out) {
  const int white = 255 - in[3];
  for (int c = 0; c < 3; c++) out[c] = static_cast<uint8_t>(std::max(white - multiply(in[c], white), 0));
}

}  // namespace

int bytes_per_pixel(Mode mode) {
  switch (mode) {
    case Mode::L:
    case Mode::P:
    case Mode::NearestL:
      return 1;
    case Mode::I:
      return 2;
    case Mode::RGB:
    case Mode::NearestRGB:
      return 3;
    case Mode::RGBA:
    case Mode::RGBX:
    case Mode::CMYK:
      return 4;
  }
  return 0;
}

void premultiply(const uint8_t* in, uint8_t* out, size_t pixels) {
  for (size_t i = 0; i < pixels; i++, in += 4, out += 4) {
    for (int c = 0; c < 3; c++) out[c] = multiply(in[c], in[3]);
    out[3] = in[3];
  }
}

void unpremultiply_to_rgb(const uint8_t* in, uint8_t* out, size_t pixels) {
  for (size_t i = 0; i < pixels; i++, in += 4, out += 3) {
    const unsigned alpha = in[3];
    if (alpha == 0 || alpha == 255) {
      std::memcpy(out, in, 3);
      continue;
    }
    for (int c = 0; c < 3; c++) out[c] = static_cast<uint8_t>(std::min(255u * in[c] / alpha, 255u));
  }
}

void to_rgb(const uint8_t* in, uint8_t* out, size_t pixels, Mode mode, const uint8_t* palette) {
  if (mode == Mode::RGB || mode == Mode::NearestRGB) {
    std::memcpy(out, in, pixels * 3);
    return;
  }
  const int step = bytes_per_pixel(mode);
  for (size_t i = 0; i < pixels; i++, in += step, out += 3) {
    if (mode == Mode::P)
      std::memcpy(out, palette + size_t{3} * *in, 3);
    else if (mode == Mode::CMYK)
      cmyk_to_rgb(in, out);
    else if (mode == Mode::RGBA || mode == Mode::RGBX)
      std::memcpy(out, in, 3);
    else
      repeat(out, *in);
  }
}

void grey32_to_rgb(const int32_t* in, uint8_t* out, size_t pixels) {
  for (size_t i = 0; i < pixels; i++, out += 3) repeat(out, static_cast<uint8_t>(std::clamp(in[i], 0, 255)));
}

}  // namespace clip
