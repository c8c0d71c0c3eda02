#pragma once

#include "geometry.h"
#include "resize.h"

namespace clip {

/// Two passes, horizontal first, with bytes between them. Modes L, RGB, RGBA, RGBX and CMYK.
void bicubic8(const Picture& picture, const Geometry& geometry, uint8_t* out, const Kernel& kernel);

/// Two passes in double precision with int32 between them, then clamped to 0–255. Mode I.
void bicubic32(const Picture& picture, const Geometry& geometry, uint8_t* out);

/// One row of 16-bit grey → RGB, clamped to 0–255.
void clamp_grey16(const uint8_t* in, uint8_t* out, size_t pixels);

}  // namespace clip
