#include "kernels.h"

#include "images.h"

namespace clip::tensorrt {
namespace {

constexpr uint32_t kThreads = 256;
/// PTX 8.5's: a driver compiles that of its own CUDA and of those before.
constexpr int kPtxDriver = 12050;

}  // namespace

Kernels::Module::Module(std::shared_ptr<Device> device) : Resource(std::move(device)) {
  const DeviceInfo& info = device_->info();
  const Image* image = image_for(info.major, info.minor);
  if (!image)
    throw Fault(FaultCode::unsupported, "the kernels need compute capability 7.5 or newer, and " + info.name + " has " +
                                            std::to_string(info.major) + "." + std::to_string(info.minor));
  if (image->portable && device_->driver().version() < kPtxDriver)
    throw Fault(FaultCode::unsupported, "for " + info.name + " the driver has to compile the kernels, which takes one of CUDA " +
                                            cuda_text(kPtxDriver) + ", and this one is of CUDA " +
                                            cuda_text(device_->driver().version()));
  device_->check(device_->driver().module_load_data, &handle_, image->data);
}

CUfunc_st* Kernels::Module::function(const char* name) const {
  CUfunc_st* function = nullptr;
  device_->check(device_->driver().module_get_function, &function, handle_, name);
  return function;
}

Kernels::Kernels(std::shared_ptr<Device> device)
    : device_(std::move(device)),
      module_(device_),
      float32_(module_.function("clip_normalise_float32")),
      float16_(module_.function("clip_normalise_float16")),
      across_(module_.function("clip_across")),
      down_(module_.function("clip_down")) {}

// The parameters' types are those of kernels.cu, where an address stands for a pointer.
template <typename... Parameters>
void Kernels::launch(CUfunc_st* function, uint32_t rows, uint32_t places, CUstream_st* stream,
                     Parameters... parameters) {
  void* addresses[] = {&parameters...};
  const uint32_t blocks = (places + kThreads - 1) / kThreads;
  device_->check(device_->driver().launch_kernel, function, rows, blocks, 1u, kThreads, 1u, 1u, 0u, stream, addresses,
                 nullptr);
}

void Kernels::normalise(DeviceAddress rgb, DeviceAddress out, uint32_t rows, uint32_t pixels, Value value,
                        CUstream_st* stream) {
  launch(value == Value::float16 ? float16_ : float32_, rows, pixels, stream, rgb, out, pixels);
}

void Kernels::across(DeviceAddress in, uint64_t stride, DeviceAddress out, uint32_t rows, const DeviceAxis& columns,
                     CUstream_st* stream) {
  launch(across_, rows, columns.count, stream, in, stride, out, columns.spans, columns.weights, columns.taps,
         columns.count);
}

void Kernels::down(DeviceAddress in, DeviceAddress out, uint32_t bytes, const DeviceAxis& rows, CUstream_st* stream) {
  launch(down_, rows.count, bytes, stream, in, out, rows.spans, rows.weights, rows.taps, bytes);
}

}  // namespace clip::tensorrt
