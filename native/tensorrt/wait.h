#pragma once

#include <chrono>
#include <string>

#include "resources.h"

namespace clip::tensorrt {

/// Waits until the work before the event is done, asking now and then: a wait inside the driver could not be ended.
/// @throws Fault what became of the work; `hung` after `bound`, and the device is lost then; the reason where another
/// thread lost the device
void wait_for(Device& device, const Event& event, std::chrono::milliseconds bound, const std::string& what);

}  // namespace clip::tensorrt
