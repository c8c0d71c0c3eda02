#pragma once

#include <cstddef>
#include <cstdint>

namespace clip {

/// CLIP's normalisation: `pixels` interleaved RGB pixels → three float32 planes, R, G, B, of `pixels` values each.
void normalise(const uint8_t* rgb, size_t pixels, float* out);

}  // namespace clip
