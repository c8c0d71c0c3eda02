#pragma once

#include <functional>

#include "driver.h"

namespace fakes::cuda {

using Operation = std::function<void()>;

bool is_stream(const void* stream);
/// Puts an operation behind what the stream has, or in the capture that it is part of. Not run once an error is sticky.
int submit(void* stream, Operation operation);
/// As `submit`, for a stream that is not captured; runs in any state of the device.
int submit_always(void* stream, Operation operation);
/// For what no capture allows: kCaptureUnsupported where one forbids it to this thread, which makes the capture
/// invalid.
int refuse_in_capture();

}  // namespace fakes::cuda
