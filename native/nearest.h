#pragma once

#include "geometry.h"
#include "resize.h"

namespace clip {

/// Pillow's NEAREST, which it forces on palette and 1-bit pictures whatever filter is asked for.
void nearest(const Picture& picture, const Geometry& geometry, uint8_t* out);

}  // namespace clip
