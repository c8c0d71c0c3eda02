// The twin of a kernel that writes where no memory is: test/gpu/fault.

#include "kernels.h"

namespace {

[[maybe_unused]] const bool faulty_registered = [] {
  fake_cuda_register_kernel("write_nowhere", [](const FakeLaunch&, void* const*) { fake_cuda_resolve(0, 4); }, nullptr, 0);
  return true;
}();

}  // namespace
