// Loses this process's GPU as a faulty kernel would: it writes where no memory is, in the device's primary context, which the
// server's own work is in as well. Loaded once by lose-gpu.cjs; its value is what the driver answers afterwards.

#include <dlfcn.h>
#include <node_api.h>

namespace {

constexpr char kKernel[] = R"(
.version 6.3
.target sm_75
.address_size 64
.visible .entry write_nowhere()
{
  .reg .b64 %where;
  .reg .b32 %what;
  mov.u64 %where, 4096;
  mov.u32 %what, 1;
  st.global.u32 [%where], %what;
  ret;
}
)";

template <typename... Arguments>
int call(void* library, const char* name, Arguments... arguments) {
  auto* const function = reinterpret_cast<int (*)(Arguments...)>(dlsym(library, name));
  return function ? function(arguments...) : -1;
}

int lose_gpu() {
  void* const driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!driver) return -1;
  void *context = nullptr, *module = nullptr, *kernel = nullptr, *stream = nullptr;
  int device = 0;
  if (const int error = call<int*, int>(driver, "cuDeviceGet", &device, 0)) return error;
  if (const int error = call<void**, int>(driver, "cuDevicePrimaryCtxRetain", &context, device)) return error;
  if (const int error = call<void*>(driver, "cuCtxSetCurrent", context)) return error;
  if (const int error = call<void**, const void*>(driver, "cuModuleLoadData", &module, kKernel)) return error;
  if (const int error = call<void**, void*, const char*>(driver, "cuModuleGetFunction", &kernel, module, "write_nowhere"))
    return error;
  if (const int error = call<void**, unsigned>(driver, "cuStreamCreate", &stream, 1)) return error;
  using Size = unsigned;
  if (const int error = call<void*, Size, Size, Size, Size, Size, Size, Size, void*, void**, void**>(
          driver, "cuLaunchKernel", kernel, 1, 1, 1, 1, 1, 1, 0, stream, nullptr, nullptr))
    return error;
  return call<void*>(driver, "cuStreamSynchronize", stream);
}

}  // namespace

NAPI_MODULE_INIT() {
  napi_value answer = exports;
  napi_create_int32(env, lose_gpu(), &answer);
  return answer;
}
