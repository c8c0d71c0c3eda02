#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "kernels.h"
#include "modes.h"

namespace clip {

/// libjpeg-turbo's TurboJPEG interface, version 3, as far as decoding needs it. The library stays loaded until the
/// process ends; its functions may be called from any thread.
struct TurboJpeg {
  void* (*init)(int kind);
  void (*destroy)(void* decoder);
  int (*set)(void* decoder, int parameter, int value);
  int (*get)(void* decoder, int parameter);
  int (*read_header)(void* decoder, const unsigned char* data, size_t size);
  int (*decode)(void* decoder, const unsigned char* data, size_t size, unsigned char* out, int stride, int layout);
};

/// @throws std::runtime_error with the loader's own words
TurboJpeg open_turbo_jpeg(const std::string& path);

/// A whole file, what its header says, and the side of the crop wanted from it.
struct Jpeg {
  const uint8_t* data;
  size_t size;
  int width;
  int height;
  Mode mode;  ///< L for one component, RGB for three
  int resolution;
};

/// Decodes as Pillow does (exact integer DCT, smooth upsampling) and crops as resize_crop does; `out` takes resolution² × 3
/// bytes. False, with `out` untouched, where the file is not what `jpeg` says, is of an uncommon kind (arithmetic coding,
/// lossless, CMYK, over 100 scans), or draws so much as a warning from the library.
/// @throws std::bad_alloc, and what resize_crop throws
bool decode_resize_crop(const TurboJpeg& library, const Jpeg& jpeg, uint8_t* out, const Kernel& kernel);

}  // namespace clip
