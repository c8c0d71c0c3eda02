#pragma once

#include <memory>

#include "cuda.h"
#include "javascript.h"
#include "library.h"

namespace clip::tensorrt {

/// (job: BuildJob, onProgress, onMessage) → { result: Promise<BuiltPlan>, cancel(): void }, with the meanings of
/// src/native/tensorrt.ts. The functions are called before the promise is settled, never after.
Napi::Value start_build(const Napi::CallbackInfo& info, std::shared_ptr<const Driver> driver,
                        std::shared_ptr<const Library> library);

}  // namespace clip::tensorrt
