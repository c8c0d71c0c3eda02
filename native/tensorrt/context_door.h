#pragma once

#include <memory>

#include "context_thread.h"
#include "environment.h"
#include "javascript.h"

namespace clip::tensorrt {

/// A context's thread, and what JavaScript's thread may know of the context without asking it.
struct OpenContext {
  int64_t max_rows;
  size_t width;
  std::shared_ptr<GraphReport> graphs;
  std::chrono::milliseconds hang;
  std::shared_ptr<ContextThread> thread;
};

/// Reads `ContextOptions` of src/native/tensorrt.ts.
/// @throws Napi::TypeError where they are something else
Context::Options read_options(const Napi::Value& options);

/// Allocates a context and starts its thread; on any thread.
OpenContext open_context(const std::shared_ptr<Engine>& engine, Context::Options options);

/// The `TensorRtContext` of src/native/tensorrt.ts.
Napi::Object context_object(Napi::Env env, std::shared_ptr<Environment> environment, OpenContext context);

/// Waits until the context is gone: for the run in flight, whose time is bounded, and not for a device that is lost.
/// @throws Fault `hung` where the thread does not come back from the driver
void close_context(ContextThread& thread, std::chrono::milliseconds hang);

}  // namespace clip::tensorrt
