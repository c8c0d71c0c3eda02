#pragma once

#include <cstddef>
#include <cstdint>

namespace clip {

/// A GIF's first frame on its canvas.
struct Gif {
  const uint8_t* data;  ///< the file
  size_t size;
  size_t offset;   ///< of the first data block
  int code_bits;   ///< the frame's minimum code size, 0–11
  int width;       ///< of the canvas
  int height;
  int left;        ///< of the frame on the canvas
  int top;
  int frame_width;
  int frame_height;
  bool interlaced;
  uint8_t fill;  ///< index of the canvas around the frame
};

/// Writes width × height palette indices.
/// @throws std::runtime_error when the data is broken or does not fill the frame
void unpack_gif(const Gif& gif, uint8_t* out);

}  // namespace clip
