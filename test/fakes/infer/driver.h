#pragma once

#include <cstddef>

namespace fakes::infer {

/// What this library uses of libcuda.so.1, which it loads at run time as TensorRT does.
struct Driver {
  int (*init)(unsigned);
  int (*context_get_current)(void** context);
  int (*memory_allocate)(unsigned long long* address, size_t bytes);
  int (*memory_free)(unsigned long long address);
  int (*stream_is_capturing)(void* stream, int* status);
  int (*enqueue)(void* stream, void (*run)(void*), void* data, void (*release)(void*));
  void* (*resolve)(unsigned long long address, size_t bytes);
  void (*make_sticky)(int error);

  /// Null without a driver and a device: 35 for TensorRT.
  static const Driver* open();
  /// That `open` found; without one there are no objects that could ask.
  static const Driver& get();
};

}  // namespace fakes::infer
