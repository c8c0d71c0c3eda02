#pragma once

#include <memory>

#include "cuda.h"
#include "javascript.h"
#include "library.h"

namespace clip::tensorrt {

/// Gives a `TensorRt` of src/native/tensorrt.ts its `open`.
void add_engine_door(Napi::Object tensor_rt, std::shared_ptr<const Library> library,
                     std::shared_ptr<const Driver> driver);

}  // namespace clip::tensorrt
