#pragma once

#include <cstddef>

/// What the twin of a kernel needs: it does on the host what the kernel does on a device, for a whole launch. Any
/// source of this folder may register twins, from a static object's constructor; a test's library may too, by dlsym.
extern "C" {

struct FakeLaunch {
  unsigned grid[3];
  unsigned block[3];
  unsigned shared;
};

/// `parameters` point to copies of the arguments. Runs on the stream's thread; addresses need fake_cuda_resolve.
using FakeTwin = void (*)(const FakeLaunch& launch, void* const* parameters);

/// `sizes` are the arguments' bytes. A function that no twin has is not found in any module.
void fake_cuda_register_kernel(const char* name, FakeTwin twin, const size_t* sizes, size_t count);

/// The host memory of a range on the device; null where there is none, and the error is sticky.
void* fake_cuda_resolve(unsigned long long address, size_t bytes);
}
