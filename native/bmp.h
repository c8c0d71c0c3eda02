#pragma once

#include <cstddef>
#include <cstdint>

namespace clip {

/// How a BMP stores a pixel.
enum class BmpPixels { Index1, Index4, Index8, Rle4, Rle8, BGR15, BGR16, BGR24, BGRX, XBGR, ABGR, RGBA, BGRA };

struct Bmp {
  const uint8_t* data;  ///< the file
  size_t size;
  size_t offset;  ///< of the pixels
  int width;
  int height;
  bool top_down;
  BmpPixels pixels;
};

/// 1 (an index), 3 (RGB) or 4 (RGBA).
int bmp_channels(BmpPixels pixels);

/// Writes width × height × bmp_channels bytes, top row first.
/// @throws std::runtime_error when the file is too short or its runs do not fill the picture
void unpack_bmp(const Bmp& bmp, uint8_t* out);

}  // namespace clip
