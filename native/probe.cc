#include "probe.h"

#include <dlfcn.h>
#ifdef __linux__
#include <link.h>
#endif

namespace clip {
namespace {

/// CUDA's driver interface, as far as this file uses it: results are 0 or an error's number, devices are numbers.
using Result = int;
using Device = int;
constexpr Result kSuccess = 0;
constexpr int kCapabilityMajor = 75, kCapabilityMinor = 76;

std::string last_error() {
  const char* words = dlerror();
  return words ? words : "the loader gives no reason";
}

std::string path_of(void* handle, const std::string& name) {
#ifdef __linux__
  link_map* map = nullptr;
  if (dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 && map && *map->l_name) return map->l_name;
#else
  static_cast<void>(handle);
#endif
  return name;
}

void* open(const std::string& name, Library& library) {
  void* handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle)
    library.path = path_of(handle, name);
  else
    library.error = last_error();
  return handle;
}

/// libcuda's functions by name; each call that fails leaves its words in `error`, and the first ones stay.
class Cuda {
 public:
  Cuda(void* handle, std::string& error) : handle_(handle), error_(error) {}

  template <typename Prototype, typename... Arguments>
  bool call(const char* name, Arguments... arguments) {
    const auto function = reinterpret_cast<Prototype*>(dlsym(handle_, name));
    if (!function) return fail(std::string("no function ") + name + " in it");
    const Result result = function(arguments...);
    return result == kSuccess || fail(std::string(name) + ": " + words(result));
  }

 private:
  bool fail(const std::string& why) {
    if (error_.empty()) error_ = why;
    return false;
  }

  std::string words(Result result) const {
    using Words = Result (*)(Result, const char**);
    std::string all = "error " + std::to_string(result);
    for (const char* name : {"cuGetErrorName", "cuGetErrorString"}) {
      const auto function = reinterpret_cast<Words>(dlsym(handle_, name));
      const char* text = nullptr;
      if (function && function(result, &text) == kSuccess && text) all += std::string(", ") + text;
    }
    return all;
  }

  void* handle_;
  std::string& error_;
};

using Init = Result(unsigned);
using ReadInt = Result(int*);
using GetDevice = Result(Device*, int);
using GetName = Result(char*, int, Device);
using GetAttribute = Result(int*, int, Device);
using GetMemory = Result(size_t*, Device);

bool read_gpu(Cuda& cuda, int index, Gpu& gpu) {
  Device device = 0;
  char name[256] = "";
  size_t bytes = 0;
  const bool read =
      cuda.call<GetDevice>("cuDeviceGet", &device, index) &&
      cuda.call<GetName>("cuDeviceGetName", name, static_cast<int>(sizeof name), device) &&
      cuda.call<GetAttribute>("cuDeviceGetAttribute", &gpu.major, kCapabilityMajor, device) &&
      cuda.call<GetAttribute>("cuDeviceGetAttribute", &gpu.minor, kCapabilityMinor, device) &&
      cuda.call<GetMemory>("cuDeviceTotalMem_v2", &bytes, device);
  gpu.name = name;
  gpu.bytes = bytes;
  return read;
}

}  // namespace

Library probe_library(const std::string& name, const std::string& version_function) {
  Library library;
  void* handle = open(name, library);
  if (!handle || version_function.empty()) return library;
  const auto version = reinterpret_cast<int (*)()>(dlsym(handle, version_function.c_str()));
  if (version)
    library.version = version();
  else
    library.error = last_error();
  return library;
}

Driver probe_driver() {
  Driver driver;
  void* handle = open("libcuda.so.1", driver.library);
  if (!handle) return driver;
  Cuda cuda(handle, driver.error);
  int count = 0;
  // The version can be had without a device, and says why cuInit may have failed.
  cuda.call<ReadInt>("cuDriverGetVersion", &driver.library.version);
  if (!cuda.call<Init>("cuInit", 0u) ||
      !cuda.call<ReadInt>("cuDeviceGetCount", &count))
    return driver;
  for (int index = 0; index < count; index++) {
    Gpu gpu{};
    if (read_gpu(cuda, index, gpu)) driver.gpus.push_back(gpu);
  }
  return driver;
}

}  // namespace clip
