#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cuda.h"
#include "library.h"
#include "messages.h"
#include "progress.h"

namespace clip::tensorrt {

struct ShapeRange {
  std::vector<int64_t> min;
  std::vector<int64_t> opt;
  std::vector<int64_t> max;
};

/// Input's name → its shapes.
using Profile = std::map<std::string, ShapeRange>;

/// BuildJob of src/native/tensorrt.ts, where the fields are explained.
struct BuildJob {
  std::string path;
  int device = 0;
  std::vector<Profile> profiles;
  size_t workspace_bytes = 0;
  int optimisation_level = 0;
  bool tf32 = false;
  std::vector<uint8_t> timing_cache;  ///< empty for none
};

/// All of it may be called on any thread, and must not wait.
struct BuildHooks {
  Progress::Report progress;
  Listener::Heard message;
  const std::atomic<bool>& cancelled;
};

struct BuiltPlan {
  std::unique_ptr<nvinfer1::IHostMemory> plan;
  std::unique_ptr<nvinfer1::IHostMemory> timing_cache;
  std::string layers;
};

/// Builds a strongly typed plan of an ONNX file: minutes, device memory for weights and workspace, and one thread of the
/// caller's that does nothing else. The plan is deserialised once, after the builder's memory is given back, for the description
/// of its layers: that takes the weights' size on the device, less than the build took, and a plan that doesn't load fails here.
///
/// @throws Fault `cancelled` at the step after `hooks.cancelled` is set; `memory`, `sticky`, `unsupported` or `failed` with all
///   that the library logged and recorded, for a fault of the graph with its node
BuiltPlan build(const Library& library, Device& device, const BuildJob& job, const BuildHooks& hooks);

}  // namespace clip::tensorrt
