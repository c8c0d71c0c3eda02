#pragma once

#include <memory>
#include <utility>

#include "cuda.h"

namespace clip::tensorrt {

/// Something of the driver's with one owner. Made and ended on threads where the device's context is current; left to the
/// process's end where the device is lost.
template <typename Handle, auto release>
class Resource {
 public:
  Resource(Resource&& other) noexcept : device_(std::move(other.device_)), handle_(std::exchange(other.handle_, {})) {}
  Resource& operator=(Resource&&) = delete;
  ~Resource() {
    if (handle_ && !device_->is_lost()) (device_->driver().*release)(handle_);
  }
  Handle get() const { return handle_; }

 protected:
  explicit Resource(std::shared_ptr<Device> device) : device_(std::move(device)) {}

  std::shared_ptr<Device> device_;
  Handle handle_{};
};

/// Does not wait for the default stream.
class Stream : public Resource<CUstream_st*, &Driver::stream_destroy> {
 public:
  explicit Stream(std::shared_ptr<Device> device) : Resource(std::move(device)) {
    constexpr unsigned kNonBlocking = 1;
    device_->check(device_->driver().stream_create, &handle_, kNonBlocking);
  }
};

/// Says whether the work that was in the stream has been done; takes no time.
class Event : public Resource<CUevent_st*, &Driver::event_destroy> {
 public:
  explicit Event(std::shared_ptr<Device> device) : Resource(std::move(device)) {
    constexpr unsigned kBlockingSync = 1, kDisableTiming = 2;
    device_->check(device_->driver().event_create, &handle_, kBlockingSync | kDisableTiming);
  }
};

/// On the device; 0 bytes are no memory.
class DeviceMemory : public Resource<DeviceAddress, &Driver::memory_free> {
 public:
  DeviceMemory(std::shared_ptr<Device> device, size_t bytes) : Resource(std::move(device)), bytes_(bytes) {
    if (bytes > 0) device_->check(device_->driver().memory_allocate, &handle_, bytes);
  }
  size_t bytes() const { return bytes_; }
  void* pointer() const { return reinterpret_cast<void*>(handle_); }

 private:
  size_t bytes_;
};

/// On the host, where the device copies from and to without the processor.
class PinnedMemory : public Resource<void*, &Driver::memory_free_host> {
 public:
  PinnedMemory(std::shared_ptr<Device> device, size_t bytes) : Resource(std::move(device)) {
    device_->check(device_->driver().memory_allocate_host, &handle_, bytes);
  }
  unsigned char* data() const { return static_cast<unsigned char*>(handle_); }
};

/// Captured work, ready to be launched.
class Graph : public Resource<CUgraphExec_st*, &Driver::graph_exec_destroy> {
 public:
  /// `captured` stays the caller's.
  Graph(std::shared_ptr<Device> device, CUgraph_st* captured) : Resource(std::move(device)) {
    device_->check(device_->driver().graph_instantiate, &handle_, captured, 0);
  }
};

}  // namespace clip::tensorrt
