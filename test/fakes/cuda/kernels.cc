#include "kernels.h"

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "../knobs.h"
#include "streams.h"

namespace fakes::cuda {
namespace {

struct Kernel {
  std::string name;
  FakeTwin twin;
  std::vector<size_t> sizes;
};

struct Module {};

constexpr int kNoBinaryForGpu = 209;

struct Kernels {
  std::mutex mutex;
  std::map<std::string, Kernel> by_name;
};

Kernels& kernels() {
  static auto* const all = new Kernels;
  return *all;
}

Handles<Module>& modules() {
  static auto* const handles = new Handles<Module>;
  return *handles;
}

/// Takes an ELF file for this device's architecture, and a text of PTX; notes which.
int check_image(const char* image) {
  const long long capability = knob("FAKE_CAPABILITY", 89);
  if (image && std::memcmp(image, "\x7f" "ELF", 4) == 0) {
    const int architecture = static_cast<unsigned char>(image[0x30]);
    note("load sm_" + std::to_string(architecture));
    return architecture / 10 == capability / 10 && architecture <= capability ? kSuccess : kNoBinaryForGpu;
  }
  const char* target = image ? std::strstr(image, "\n.target sm_") : nullptr;
  if (!target) return kInvalidImage;
  const long long architecture = std::strtoll(target + std::strlen("\n.target sm_"), nullptr, 10);
  note("load compute_" + std::to_string(architecture));
  return architecture <= capability ? kSuccess : kNoBinaryForGpu;
}

}  // namespace
}  // namespace fakes::cuda

using namespace fakes::cuda;

extern "C" {

void fake_cuda_register_kernel(const char* name, FakeTwin twin, const size_t* sizes, size_t count) {
  const std::lock_guard lock(kernels().mutex);
  kernels().by_name.insert_or_assign(name, Kernel{name, twin, {sizes, sizes + count}});
}

int cuModuleLoadData(void** module, const void* image) {
  if (const int result = ready()) return result;
  if (const int result = check_image(static_cast<const char*>(image))) return result;
  if (const int result = admit()) return result;
  *module = modules().add(std::make_shared<Module>());
  return kSuccess;
}

int cuModuleLoadDataEx(void** module, const void* image, unsigned, int*, void**) {
  return cuModuleLoadData(module, image);
}

int cuModuleLoadFatBinary(void** module, const void* image) { return cuModuleLoadData(module, image); }

int cuModuleUnload(void* handle) { return modules().take(handle) ? sticky() : kInvalidHandle; }

int cuModuleGetFunction(void** function, void* module, const char* name) {
  if (const int result = ready()) return result;
  if (!modules().find(module)) return kInvalidHandle;
  const std::lock_guard lock(kernels().mutex);
  const auto found = kernels().by_name.find(name);
  if (found == kernels().by_name.end()) return kNotFound;
  *function = &found->second;
  return kSuccess;
}

int cuLaunchKernel(void* function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                   unsigned block_y, unsigned block_z, unsigned shared, void* stream, void** parameters, void** extra) {
  if (const int result = ready()) return result;
  if (!function) return kInvalidHandle;
  const bool empty = 0ull + grid_x * 1ull * grid_y * grid_z * block_x * block_y * block_z == 0;
  if (empty || extra || 1ull * block_x * block_y * block_z > 1024 || grid_y > 65535 || grid_z > 65535)
    return kInvalidValue;
  const Kernel& kernel = *static_cast<const Kernel*>(function);
  std::vector<std::vector<char>> copies;
  for (size_t i = 0; i < kernel.sizes.size(); i++) {
    const char* from = static_cast<const char*>(parameters[i]);
    copies.emplace_back(from, from + kernel.sizes[i]);
  }
  const FakeLaunch launch{{grid_x, grid_y, grid_z}, {block_x, block_y, block_z}, shared};
  return submit(stream, [twin = kernel.twin, launch, copies = std::move(copies)]() mutable {
    std::vector<void*> pointers;
    for (auto& copy : copies) pointers.push_back(copy.data());
    twin(launch, pointers.data());
  });
}
}
