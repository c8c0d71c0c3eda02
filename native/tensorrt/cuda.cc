#include "cuda.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <cstdio>

namespace clip::tensorrt {
namespace {

/// Those of which CUDA's documentation says that the process has to be relaunched, those after which the context is gone
/// (709, 710), and the unknown one: what a device does after it can't be relied on.
constexpr std::array<CudaResult, 17> kSticky{214, 220, 226, 700, 702, 709, 710, 714, 715,
                                             716, 717, 718, 719, 721, 810, 911, 999};
constexpr CudaResult kOutOfMemory = 2;
/// No usable device, or a driver that is too old for it or for the code that it is to run.
constexpr std::array<CudaResult, 12> kUnsupported{3, 34, 35, 36, 46, 100, 101, 102, 209, 222, 803, 804};

/// Of these, those of a driver that is older than what it is to run.
constexpr std::array<CudaResult, 3> kTooOld{35, 36, 222};

constexpr int kMultiprocessors = 16, kCapabilityMajor = 75, kCapabilityMinor = 76;

bool contains(const auto& results, CudaResult result) {
  return std::find(results.begin(), results.end(), result) != results.end();
}

std::string grouped(const std::array<unsigned char, 16>& uuid) {
  std::string text;
  char digits[3];
  for (size_t i = 0; i < uuid.size(); i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    std::snprintf(digits, sizeof digits, "%02x", uuid[i]);
    text += digits;
  }
  return text;
}

}  // namespace

bool is_sticky(CudaResult result) { return contains(kSticky, result); }

std::string cuda_text(int version) {
  return std::to_string(version / 1000) + '.' + std::to_string(version % 1000 / 10);
}

void* find_function(void* library, const char* name) {
  void* function = dlsym(library, name);
  if (function) return function;
  throw Fault(FaultCode::unsupported,
              std::string("libcuda.so.1 has no ") + name + ": the driver is older than that of CUDA 11.4");
}

std::shared_ptr<const Driver> Driver::open() {
  void* library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library) throw Fault(FaultCode::unsupported, dlerror());
  return std::shared_ptr<const Driver>(new Driver(library));
}

Driver::Driver(void* library) : library_(library) {
  const auto require = [this](const char* function, CudaResult result) {
    if (result != kCudaSuccess)
      throw Fault(FaultCode::unsupported, std::string(function) + ": " + words(result));
  };
  // Can be had before all else, and explains what may follow.
  require(driver_get_version.name(), driver_get_version(&version_));
  require(init.name(), init(0));
  int count = 0;
  require(device_get_count.name(), device_get_count(&count));
  if (count == 0) throw Fault(FaultCode::unsupported, "the driver has no device");
  for (int index = 0; index < count; index++) devices_.push_back(describe(index));
}

DeviceInfo Driver::describe(int index) const {
  int device = 0;
  std::array<char, 256> name{};
  std::array<unsigned char, 16> uuid{};
  DeviceInfo info{};
  check(device_get, &device, index);
  check(device_get_name, name.data(), static_cast<int>(name.size()), device);
  check(device_get_attribute, &info.major, kCapabilityMajor, device);
  check(device_get_attribute, &info.minor, kCapabilityMinor, device);
  check(device_get_attribute, &info.multiprocessors, kMultiprocessors, device);
  check(device_total_mem, &info.memory_bytes, device);
  check(device_get_uuid, uuid.data(), device);
  info.name = name.data();
  info.uuid = grouped(uuid);
  return info;
}

std::string Driver::words(CudaResult result) const {
  std::string all = "CUDA error " + std::to_string(result);
  const char* text = nullptr;
  if (get_error_name(result, &text) == kCudaSuccess && text) all += std::string(", ") + text;
  if (get_error_string(result, &text) == kCudaSuccess && text) all += std::string(": ") + text;
  return contains(kTooOld, result) ? all + "; " + too_old() : all;
}

std::string Driver::too_old() const {
  return "the driver is of CUDA " + cuda_text(version_) + ", and a newer one is needed";
}

Fault Driver::fault(const char* function, CudaResult result) const {
  FaultCode code = FaultCode::failed;
  if (is_sticky(result)) code = FaultCode::sticky;
  if (contains(kUnsupported, result)) code = FaultCode::unsupported;
  if (result == kOutOfMemory) code = FaultCode::memory;
  return Fault(code, std::string(function) + ": " + words(result));
}

Device::Device(std::shared_ptr<const Driver> driver, int index) : driver_(std::move(driver)) {
  driver_->check(driver_->device_get, &device_, index);
  info_ = driver_->devices().at(static_cast<size_t>(index));
  driver_->check(driver_->primary_context_retain, &context_, device_);
}

Device::~Device() {
  if (!is_lost()) driver_->primary_context_release(device_);
}

void Device::fail(const char* function, CudaResult result) {
  const Fault why = driver_->fault(function, result);
  if (why.code() == FaultCode::sticky) lose(why);
  throw why;
}

void Device::lose(const Fault& why) {
  const std::lock_guard lock(mutex_);
  if (!lost_) lost_ = why;
}

bool Device::is_lost() const noexcept {
  const std::lock_guard lock(mutex_);
  return lost_.has_value();
}

void Device::require() const {
  const std::lock_guard lock(mutex_);
  if (lost_) throw *lost_;
}

}  // namespace clip::tensorrt
