#pragma once

#include <functional>
#include <vector>

#include "javascript.h"

namespace clip::tensorrt {

/// Makes a task's result on the JavaScript thread.
using Settle = std::function<Napi::Value(Napi::Env)>;

/// Runs `work` on a native thread of its own, which ends with it, and settles a promise with what the function makes that it
/// returns; both may be destroyed on any thread, so they hold nothing of JavaScript's. What `work` throws becomes the
/// rejection (error_of). `lent` stays alive until then, and so does the event loop.
///
/// An environment that ends meanwhile (process.exit) waits for nothing: a process ends by exitNow with work in flight.
Napi::Promise on_thread(Napi::Env env, const char* name, std::vector<Napi::Uint8Array> lent,
                        std::function<Settle()> work);

}  // namespace clip::tensorrt
