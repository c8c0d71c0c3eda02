#include "memory.h"

#include <cstdlib>
#include <cstring>
#include <map>
#include <new>
#include <string>

#include "../knobs.h"
#include "streams.h"

namespace fakes::cuda {
namespace {

/// Makes an address on the device one that the host cannot read: a mix-up ends the process.
constexpr Address kDeviceBit = 1ull << 60;
/// What the driver promises, and what memory has that nobody wrote: NaN as floats, -1 as integers.
constexpr size_t kAlignment = 256;
constexpr int kUnwritten = 0xFF;

struct Allocation {
  std::shared_ptr<char> host;
  size_t bytes;
  int device;
};

/// Allocations by their first address.
class Space {
 public:
  void add(Address start, Allocation allocation) {
    const std::lock_guard lock(mutex_);
    used_[allocation.device] += allocation.bytes;
    allocations_.emplace(start, std::move(allocation));
    count_live(1);
  }
  bool remove(Address start) {
    const std::lock_guard lock(mutex_);
    const auto found = allocations_.find(start);
    if (found == allocations_.end()) return false;
    used_[found->second.device] -= found->second.bytes;
    allocations_.erase(found);
    count_live(-1);
    return true;
  }
  std::shared_ptr<char> find(Address address, size_t bytes) {
    const std::lock_guard lock(mutex_);
    auto found = allocations_.upper_bound(address);
    if (found == allocations_.begin()) return nullptr;
    --found;
    const size_t offset = address - found->first;
    const Allocation& allocation = found->second;
    if (offset > allocation.bytes || bytes > allocation.bytes - offset) return nullptr;
    return {allocation.host, allocation.host.get() + offset};
  }
  size_t used(int device) {
    const std::lock_guard lock(mutex_);
    return used_[device];
  }

 private:
  std::mutex mutex_;
  std::map<Address, Allocation> allocations_;
  std::map<int, size_t> used_;
};

Space& device_space() {
  static Space* const space = new Space;
  return *space;
}

Space& pinned_space() {
  static Space* const space = new Space;
  return *space;
}

std::shared_ptr<char> claim(size_t bytes) {
  void* memory = std::aligned_alloc(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment);
  if (!memory) return nullptr;
  std::memset(memory, kUnwritten, bytes);
  return {static_cast<char*>(memory), [](char* address) { std::free(address); }};
}

size_t limit() { return static_cast<size_t>(knob("FAKE_GPU_MIB", 1024)) << 20; }

int allowed() {
  const int result = ready();
  return result == kSuccess ? refuse_in_capture() : result;
}

int may_allocate(size_t bytes) {
  if (const int result = allowed()) return result;
  return bytes == 0 ? kInvalidValue : admit();
}

/// As `copy` to the stream: both ends are looked up when its turn comes, for they may be gone by then.
int copy_later(void* stream, Address address, const void* host, size_t bytes, bool to_device) {
  if (const int result = ready()) return result;
  if (!pinned(host, bytes)) {
    blame("a copy in stream order of " + std::to_string(bytes) + " bytes from or to memory that is not pinned");
    return kInvalidValue;
  }
  if (!resolve(address, bytes)) return kInvalidValue;
  return submit(stream, [=] {
    const auto device = resolve(address, bytes);
    const auto other = pinned(host, bytes);
    if (!device || !other) {
      blame("memory of a copy was freed before its turn came");
      return make_sticky(kIllegalAddress);
    }
    if (to_device)
      std::memcpy(device.get(), other.get(), bytes);
    else
      std::memcpy(other.get(), device.get(), bytes);
  });
}

}  // namespace

std::shared_ptr<char> resolve(Address address, size_t bytes) { return device_space().find(address, bytes); }

std::shared_ptr<char> pinned(const void* address, size_t bytes) {
  return pinned_space().find(reinterpret_cast<Address>(address), bytes);
}

}  // namespace fakes::cuda

using namespace fakes::cuda;

extern "C" {

int cuMemAlloc_v2(Address* address, size_t bytes) {
  if (const int result = may_allocate(bytes)) return result;
  const int device = current_device();
  if (device_space().used(device) + bytes > limit()) return kOutOfMemory;
  auto host = claim(bytes);
  if (!host) return kOutOfMemory;
  *address = reinterpret_cast<Address>(host.get()) | kDeviceBit;
  device_space().add(*address, {std::move(host), bytes, device});
  return kSuccess;
}

int cuMemFree_v2(Address address) {
  if (const int result = allowed()) return result;
  return address == 0 || device_space().remove(address) ? kSuccess : kInvalidValue;
}

int cuMemGetInfo_v2(size_t* free_bytes, size_t* total) {
  if (const int result = ready()) return result;
  *total = limit();
  *free_bytes = *total - device_space().used(current_device());
  return kSuccess;
}

int cuMemHostAlloc(void** address, size_t bytes, unsigned) {
  if (const int result = may_allocate(bytes)) return result;
  auto host = claim(bytes);
  if (!host) return kOutOfMemory;
  *address = host.get();
  pinned_space().add(reinterpret_cast<Address>(host.get()), {host, bytes, current_device()});
  return kSuccess;
}

int cuMemAllocHost_v2(void** address, size_t bytes) { return cuMemHostAlloc(address, bytes, 0); }

int cuMemFreeHost(void* address) {
  if (const int result = allowed()) return result;
  return pinned_space().remove(reinterpret_cast<Address>(address)) ? kSuccess : kInvalidValue;
}

int cuMemcpyHtoDAsync_v2(Address to, const void* from, size_t bytes, void* stream) {
  return copy_later(stream, to, from, bytes, true);
}

int cuMemcpyDtoHAsync_v2(void* to, Address from, size_t bytes, void* stream) {
  return copy_later(stream, from, to, bytes, false);
}

int cuMemcpyDtoDAsync_v2(Address to, Address from, size_t bytes, void* stream) {
  if (const int result = ready()) return result;
  if (!resolve(to, bytes) || !resolve(from, bytes)) return kInvalidValue;
  return submit(stream, [=] {
    const auto target = resolve(to, bytes), source = resolve(from, bytes);
    if (!target || !source) return make_sticky(kIllegalAddress);
    std::memmove(target.get(), source.get(), bytes);
  });
}

int cuMemcpyHtoD_v2(Address to, const void* from, size_t bytes) {
  if (const int result = allowed()) return result;
  const auto device = resolve(to, bytes);
  if (!device) return kInvalidValue;
  std::memcpy(device.get(), from, bytes);
  return kSuccess;
}

int cuMemcpyDtoH_v2(void* to, Address from, size_t bytes) {
  if (const int result = allowed()) return result;
  const auto device = resolve(from, bytes);
  if (!device) return kInvalidValue;
  std::memcpy(to, device.get(), bytes);
  return kSuccess;
}

int cuMemsetD8Async(Address address, unsigned char value, size_t bytes, void* stream) {
  if (const int result = ready()) return result;
  if (!resolve(address, bytes)) return kInvalidValue;
  return submit(stream, [=] {
    const auto device = resolve(address, bytes);
    if (!device) return make_sticky(kIllegalAddress);
    std::memset(device.get(), value, bytes);
  });
}

/// For twins of kernels, on a stream's thread: null makes kIllegalAddress sticky.
void* fake_cuda_resolve(Address address, size_t bytes) {
  const auto host = resolve(address, bytes);
  if (!host) make_sticky(kIllegalAddress);
  return host.get();
}

/// Bytes allocated on device `index`.
size_t fake_cuda_used(int index) { return device_space().used(index); }
}
