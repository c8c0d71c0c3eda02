#include <atomic>
#include <cstdio>
#include <cstring>

#include "../knobs.h"
#include "driver.h"

namespace fakes::cuda {
namespace {

/// A device's number is not its index here, so that who mixes them up sees it.
constexpr int kFirstDevice = 7;
constexpr int kAttributeMultiprocessors = 16, kAttributeMajor = 75, kAttributeMinor = 76;

bool is_gone() {
  const char* mark = std::getenv("FAKE_GONE");
  return mark && access(mark, F_OK) == 0;
}

int count() { return is_gone() ? 0 : static_cast<int>(knob("FAKE_GPUS", 1)); }

/// kSuccess where cuInit was called and `device` is one.
int check(int device) {
  if (sticky() != kSuccess) return sticky();
  if (!initialized()) return kNotInitialized;
  return device >= kFirstDevice && device < kFirstDevice + count() ? kSuccess : kInvalidDevice;
}

/// A context is its device's entry in this table; there are no others than primary ones.
constexpr int kMostDevices = 16;
struct Context {
  std::atomic<int> retained{0};
};
Context contexts[kMostDevices];
thread_local Context* current = nullptr;

std::atomic<int> sticky_error{kSuccess};
std::atomic<bool> was_initialized{false};
std::atomic<int> live{0};
std::atomic<long long> created{0};

}  // namespace

int current_device() { return current ? static_cast<int>(current - contexts) : -1; }
int sticky() { return sticky_error; }
bool initialized() { return was_initialized; }
void count_live(int by) { live += by; }

int admit() { return ++created == knob("FAKE_CREATE_FAIL") ? kOutOfMemory : kSuccess; }

void make_sticky(int error) {
  int none = kSuccess;
  if (!sticky_error.compare_exchange_strong(none, error)) return;
  note("sticky " + std::to_string(error));
  if (const char* mark = std::getenv("FAKE_GONE")) close(open(mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

int ready() {
  if (sticky() != kSuccess) return sticky();
  if (!initialized()) return kNotInitialized;
  return current && current->retained > 0 ? kSuccess : kInvalidContext;
}

}  // namespace fakes::cuda

using namespace fakes::cuda;

extern "C" {

int cuInit(unsigned) {
  const int result = static_cast<int>(fakes::knob("FAKE_CUINIT", count() > 0 ? kSuccess : kNoDevice));
  if (result == kSuccess) was_initialized = true;
  return result;
}

int cuDriverGetVersion(int* version) {
  *version = static_cast<int>(fakes::knob("FAKE_DRIVER", 12040));
  return kSuccess;
}

int cuDeviceGetCount(int* devices) {
  if (!initialized()) return kNotInitialized;
  *devices = count();
  return kSuccess;
}

int cuDeviceGet(int* device, int index) {
  *device = index + kFirstDevice;
  return check(*device);
}

int cuDeviceGetName(char* name, int size, int device) {
  if (const int result = check(device)) return result;
  const char* given = std::getenv("FAKE_GPU_NAME");
  std::snprintf(name, static_cast<size_t>(size), "%s", given ? given : "Fake GPU");
  return kSuccess;
}

int cuDeviceGetAttribute(int* value, int attribute, int device) {
  if (const int result = check(device)) return result;
  const int capability = static_cast<int>(fakes::knob("FAKE_CAPABILITY", 89));
  switch (attribute) {
    case kAttributeMultiprocessors: *value = 16; return kSuccess;
    case kAttributeMajor: *value = capability / 10; return kSuccess;
    case kAttributeMinor: *value = capability % 10; return kSuccess;
    default: fakes::refuse("attribute " + std::to_string(attribute) + " of a device has no value here");
  }
}

int cuDeviceTotalMem_v2(size_t* bytes, int device) {
  if (const int result = check(device)) return result;
  *bytes = static_cast<size_t>(fakes::knob("FAKE_GPU_MIB", 1024)) << 20;
  return kSuccess;
}

/// 00010203-0405-0607-0809-0a0b0c0d0e and the device's index.
int cuDeviceGetUuid_v2(unsigned char* uuid, int device) {
  if (const int result = check(device)) return result;
  for (int i = 0; i < 15; i++) uuid[i] = static_cast<unsigned char>(i);
  uuid[15] = static_cast<unsigned char>(device - kFirstDevice);
  return kSuccess;
}

int cuDeviceGetUuid(unsigned char* uuid, int device) { return cuDeviceGetUuid_v2(uuid, device); }

int cuDevicePrimaryCtxRetain(void** context, int device) {
  if (const int result = check(device)) return result;
  Context& primary = contexts[device - kFirstDevice];
  primary.retained++;
  count_live(1);
  *context = &primary;
  return kSuccess;
}

int cuDevicePrimaryCtxRelease_v2(int device) {
  if (const int result = check(device)) return result;
  Context& primary = contexts[device - kFirstDevice];
  if (primary.retained <= 0) return kInvalidContext;
  primary.retained--;
  count_live(-1);
  return kSuccess;
}

int cuCtxSetCurrent(void* context) {
  if (!initialized()) return kNotInitialized;
  const bool known = context >= contexts && context < contexts + kMostDevices;
  if (context && (!known || static_cast<Context*>(context)->retained <= 0)) return kInvalidContext;
  current = static_cast<Context*>(context);
  return sticky();
}

int cuCtxGetCurrent(void** context) {
  if (!initialized()) return kNotInitialized;
  *context = current;
  return sticky();
}

int cuCtxGetDevice(int* device) {
  if (const int result = ready()) return result;
  *device = current_device() + kFirstDevice;
  return kSuccess;
}

/// Streams, events, graphs, modules, allocations and retained contexts that were not given back.
int fake_cuda_live() { return live; }

/// Allocations, streams, events, graphs and modules that were asked for so far.
long long fake_cuda_created() { return created; }

void fake_cuda_make_sticky(int error) { make_sticky(error); }
}
