#pragma once

#include <functional>

#include "../javascript.h"

namespace clip::tensorrt {

/// Makes a task's result on the JavaScript thread.
using Settle = std::function<Napi::Value(Napi::Env)>;

/// Runs `work` on a native thread of its own, which ends with it, and settles a promise with what the function makes that it
/// returns. What it throws becomes the rejection (error_of). The event loop stays alive until then. Both functions are
/// destroyed on the JavaScript thread, so they may hold JavaScript references.
Napi::Promise on_thread(Napi::Env env, const char* name, std::function<Settle()> work);

}  // namespace clip::tensorrt
