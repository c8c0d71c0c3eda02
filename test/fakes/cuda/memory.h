#pragma once

#include "driver.h"

namespace fakes::cuda {

/// The host memory behind a range on the device, kept alive by the result; null where the range is not wholly within
/// one allocation that is still there.
std::shared_ptr<char> resolve(Address address, size_t bytes);
/// Likewise of pinned memory.
std::shared_ptr<char> pinned(const void* address, size_t bytes);

}  // namespace fakes::cuda
