#pragma once

#include <functional>
#include <vector>

#include "driver.h"

namespace fakes::cuda {

using Operation = std::function<void()>;

/// Operations that a stream takes while it is captured, in the order of the calls: one that the graph may run.
struct Capture {
  std::vector<Operation> operations;
  bool valid = true;
};

/// Puts an operation behind what the stream has, or in the capture that it is part of. Not run once an error is sticky.
int submit(void* stream, Operation operation);
/// For what no capture allows: kCaptureUnsupported where one forbids it to this thread, which makes the capture invalid.
int refuse_in_capture();

}  // namespace fakes::cuda
