#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "fault.h"

// Names of CUDA's own headers, so that a stream can be given to TensorRT.
struct CUctx_st;
struct CUstream_st;
struct CUevent_st;
struct CUgraph_st;
struct CUgraphExec_st;
struct CUmod_st;
struct CUfunc_st;

namespace clip::tensorrt {

/// 0 or a CUresult.
using CudaResult = int;
using DeviceAddress = unsigned long long;
constexpr CudaResult kCudaSuccess = 0;
/// What a query says of work that is not done.
constexpr CudaResult kCudaNotReady = 600;

/// True for errors that leave the process in an inconsistent state: CUDA's documentation has it relaunched.
bool is_sticky(CudaResult result);

/// `12.4` of 12040.
std::string cuda_text(int version);

struct DeviceInfo {
  std::string name;
  int major, minor;  // compute capability
  int multiprocessors;
  size_t memory_bytes;
  std::string uuid;  // of the MIG slice where it is one
};

/// @throws Fault `unsupported` where the driver lacks the function
void* find_function(void* library, const char* name);

/// A function of libcuda by a name that never changes its meaning, whatever a toolkit's headers rename it to.
template <typename... Parameters>
class CudaFunction {
 public:
  CudaFunction(void* library, const char* name)
      : name_(name), call_(reinterpret_cast<CudaResult (*)(Parameters...)>(find_function(library, name))) {}
  CudaResult operator()(Parameters... parameters) const { return call_(parameters...); }
  const char* name() const { return name_; }

 private:
  const char* name_;
  CudaResult (*call_)(Parameters...);
};

/// CUDA's driver interface, as far as this module uses it; libcuda stays loaded for good. All of it is in drivers since
/// CUDA 11.4. May be used by any thread.
class Driver {
 public:
  /// Loads and initialises libcuda. It may hang or end the process where the driver is broken.
  /// @throws Fault `unsupported` with the loader's or the driver's words: no libcuda, an older one, no device
  static std::shared_ptr<const Driver> open();

  /// 12040 is CUDA 12.4.
  int version() const { return version_; }
  /// At least one, by CUDA's indices.
  const std::vector<DeviceInfo>& devices() const { return devices_; }

  /// Number, name and description of an error: `CUDA error 2, CUDA_ERROR_OUT_OF_MEMORY: out of memory`.
  std::string words(CudaResult result) const;
  /// For what the driver cannot run: its version, a clause.
  std::string too_old() const;
  /// The fault that a failed call is, `memory` and `sticky` recognised.
  Fault fault(const char* function, CudaResult result) const;

  /// @throws Fault where the function fails
  template <typename... Parameters>
  void check(const CudaFunction<Parameters...>& function, std::type_identity_t<Parameters>... arguments) const {
    const CudaResult result = function(arguments...);
    if (result != kCudaSuccess) throw fault(function.name(), result);
  }

 private:
  explicit Driver(void* library);
  DeviceInfo describe(int index) const;

  void* library_;
  int version_ = 0;
  std::vector<DeviceInfo> devices_;

 public:
  const CudaFunction<unsigned> init{library_, "cuInit"};
  const CudaFunction<int*> driver_get_version{library_, "cuDriverGetVersion"};
  const CudaFunction<CudaResult, const char**> get_error_name{library_, "cuGetErrorName"};
  const CudaFunction<CudaResult, const char**> get_error_string{library_, "cuGetErrorString"};
  const CudaFunction<int*> device_get_count{library_, "cuDeviceGetCount"};
  const CudaFunction<int*, int> device_get{library_, "cuDeviceGet"};
  const CudaFunction<char*, int, int> device_get_name{library_, "cuDeviceGetName"};
  const CudaFunction<int*, int, int> device_get_attribute{library_, "cuDeviceGetAttribute"};
  const CudaFunction<size_t*, int> device_total_mem{library_, "cuDeviceTotalMem_v2"};
  const CudaFunction<unsigned char*, int> device_get_uuid{library_, "cuDeviceGetUuid_v2"};
  const CudaFunction<CUctx_st**, int> primary_context_retain{library_, "cuDevicePrimaryCtxRetain"};
  const CudaFunction<int> primary_context_release{library_, "cuDevicePrimaryCtxRelease_v2"};
  const CudaFunction<CUctx_st*> context_set_current{library_, "cuCtxSetCurrent"};
  const CudaFunction<CUstream_st**, unsigned> stream_create{library_, "cuStreamCreate"};
  const CudaFunction<CUstream_st*> stream_destroy{library_, "cuStreamDestroy_v2"};
  const CudaFunction<CUstream_st*> stream_query{library_, "cuStreamQuery"};
  const CudaFunction<CUstream_st*, int> stream_begin_capture{library_, "cuStreamBeginCapture_v2"};
  const CudaFunction<CUstream_st*, CUgraph_st**> stream_end_capture{library_, "cuStreamEndCapture"};
  const CudaFunction<CUevent_st**, unsigned> event_create{library_, "cuEventCreate"};
  const CudaFunction<CUevent_st*> event_destroy{library_, "cuEventDestroy_v2"};
  const CudaFunction<CUevent_st*, CUstream_st*> event_record{library_, "cuEventRecord"};
  const CudaFunction<CUevent_st*> event_query{library_, "cuEventQuery"};
  const CudaFunction<DeviceAddress*, size_t> memory_allocate{library_, "cuMemAlloc_v2"};
  const CudaFunction<DeviceAddress> memory_free{library_, "cuMemFree_v2"};
  const CudaFunction<void**, size_t> memory_allocate_host{library_, "cuMemAllocHost_v2"};
  const CudaFunction<void*> memory_free_host{library_, "cuMemFreeHost"};
  const CudaFunction<DeviceAddress, unsigned char, size_t, CUstream_st*> memory_set{library_, "cuMemsetD8Async"};
  const CudaFunction<DeviceAddress, const void*, size_t, CUstream_st*> copy_to_device{library_,
                                                                                     "cuMemcpyHtoDAsync_v2"};
  const CudaFunction<void*, DeviceAddress, size_t, CUstream_st*> copy_to_host{library_, "cuMemcpyDtoHAsync_v2"};
  const CudaFunction<CUgraph_st*> graph_destroy{library_, "cuGraphDestroy"};
  const CudaFunction<CUgraphExec_st**, CUgraph_st*, unsigned long long> graph_instantiate{
      library_, "cuGraphInstantiateWithFlags"};
  const CudaFunction<CUgraphExec_st*, CUstream_st*> graph_launch{library_, "cuGraphLaunch"};
  const CudaFunction<CUgraphExec_st*> graph_exec_destroy{library_, "cuGraphExecDestroy"};
  const CudaFunction<CUmod_st**, const void*> module_load_data{library_, "cuModuleLoadData"};
  const CudaFunction<CUmod_st*> module_unload{library_, "cuModuleUnload"};
  const CudaFunction<CUfunc_st**, CUmod_st*, const char*> module_get_function{library_, "cuModuleGetFunction"};
  const CudaFunction<CUfunc_st*, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, CUstream_st*,
                     void**, void**>
      launch_kernel{library_, "cuLaunchKernel"};
};

/// A device's primary context, retained, and whether this process has lost the device. Shared by all that use the device;
/// what they own on it is left as it is once it is lost, for freeing it would wait for the device, perhaps for ever.
class Device {
 public:
  /// @throws Fault `unsupported` where there is no device with this index
  Device(std::shared_ptr<const Driver> driver, int index);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const Driver& driver() const { return *driver_; }
  const DeviceInfo& info() const { return info_; }
  /// On the calling thread: to be called once on each that uses the device.
  void make_current() const { driver_->check(driver_->context_set_current, context_); }
  /// The same where nothing may be thrown: false where the device can't be used.
  bool try_make_current() const noexcept { return !is_lost() && driver_->context_set_current(context_) == kCudaSuccess; }

  /// @throws Fault where the function fails; the device is lost where that is sticky
  template <typename... Parameters>
  void check(const CudaFunction<Parameters...>& function, std::type_identity_t<Parameters>... arguments) {
    const CudaResult result = function(arguments...);
    if (result != kCudaSuccess) fail(function.name(), result);
  }
  [[noreturn]] void fail(const char* function, CudaResult result);

  /// The first reason stays.
  void lose(const Fault& why);
  bool is_lost() const noexcept;
  /// @throws Fault the reason for which the device was lost
  void require() const;

 private:
  std::shared_ptr<const Driver> driver_;
  DeviceInfo info_;
  int device_ = 0;
  CUctx_st* context_ = nullptr;
  mutable std::mutex mutex_;
  std::optional<Fault> lost_;
};

}  // namespace clip::tensorrt
