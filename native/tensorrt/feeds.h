#pragma once

#include <vector>

#include "javascript.h"
#include "tensor.h"

namespace clip::tensorrt {

/// Reads `Feed`s of src/native/tensorrt.ts. Their bytes are lent: `lent` takes the typed arrays that hold them.
/// @throws Napi::TypeError where they are something else
std::vector<Feed> read_feeds(const Napi::Value& feeds, Napi::Array lent);

}  // namespace clip::tensorrt
