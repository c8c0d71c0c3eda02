#pragma once

#include <memory>

#include "cuda.h"
#include "javascript.h"

namespace clip::tensorrt {

/// Adds `resizeCrop` and `normalise` to what a module's `load` gives, with the meanings of src/native/tensorrt.ts. A
/// device's kernels are loaded at its first job.
void add_pixels_door(Napi::Object& loaded, std::shared_ptr<const Driver> driver);

}  // namespace clip::tensorrt
