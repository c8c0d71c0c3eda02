#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <unordered_map>

/// A fake of CUDA's driver interface: devices are host memory, a stream is a thread that takes one operation after the
/// other. It is stricter than the driver where a driver would let a mistake pass.
namespace fakes::cuda {

enum Result : int {
  kSuccess = 0,
  kInvalidValue = 1,
  kOutOfMemory = 2,
  kNotInitialized = 3,
  kNoDevice = 100,
  kInvalidDevice = 101,
  kInvalidImage = 200,
  kInvalidContext = 201,
  kInvalidHandle = 400,
  kNotFound = 500,
  kNotReady = 600,
  kIllegalAddress = 700,
  kCaptureUnsupported = 900,
  kCaptureInvalidated = 901,
  kCaptureUnmatched = 903,
  kCaptureUnjoined = 904,
};

using Address = unsigned long long;

/// What every call answers first: the sticky error, no cuInit, no context current on this thread; else kSuccess.
int ready();
/// The error that all calls answer once it is there; the first stays.
void make_sticky(int error);
int sticky();
void set_initialized();
bool initialized();
/// Of the current context, an index; -1 without one.
int current_device();
/// Streams, events, graphs, modules, allocations and retained contexts that are not given back.
void count_live(int by);
/// To be asked before anything is created: kOutOfMemory for the one that FAKE_CREATE_FAIL counts to.
int admit();

/// Handles that were given out and not given back: any other is refused instead of followed.
template <typename T>
class Handles {
 public:
  T* add(std::shared_ptr<T> object) {
    const std::lock_guard lock(mutex_);
    T* handle = object.get();
    objects_.emplace(handle, std::move(object));
    count_live(1);
    return handle;
  }
  /// Null where it isn't one.
  std::shared_ptr<T> find(const void* handle) {
    const std::lock_guard lock(mutex_);
    const auto found = objects_.find(handle);
    return found == objects_.end() ? nullptr : found->second;
  }
  std::shared_ptr<T> take(const void* handle) {
    const std::lock_guard lock(mutex_);
    const auto found = objects_.find(handle);
    if (found == objects_.end()) return nullptr;
    std::shared_ptr<T> object = std::move(found->second);
    objects_.erase(found);
    count_live(-1);
    return object;
  }

 private:
  std::mutex mutex_;
  std::unordered_map<const void*, std::shared_ptr<T>> objects_;
};

}  // namespace fakes::cuda
