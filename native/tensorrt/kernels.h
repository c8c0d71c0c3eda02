#pragma once

#include <cstdint>
#include <memory>

#include "resources.h"

namespace clip::tensorrt {

/// An axis of Pillow's resize on the device: `count` spans with `taps` weights each (FixedAxis).
struct DeviceAxis {
  DeviceAddress spans;
  DeviceAddress weights;
  uint32_t taps;
  uint32_t count;
};

/// The kernels of kernels.cu on one device. The calls enqueue and come back; the device's context has to be current on
/// the thread, and the memory to last until the stream is through.
class Kernels {
 public:
  enum class Value { float32, float16 };

  /// Loads the kernels, with the device's context current, as it has to be where they go.
  /// @throws Fault `unsupported` where none of them runs on the device
  explicit Kernels(std::shared_ptr<Device> device);

  /// CLIP's normalisation: uint8 [rows, pixels, 3] → values [rows, 3, pixels]. At least one row and pixel.
  void normalise(DeviceAddress rgb, DeviceAddress out, uint32_t rows, uint32_t pixels, Value value,
                 CUstream_st* stream);
  /// The horizontal pass: `rows` rows of RGB, `stride` bytes apart → [rows, columns.count, 3].
  void across(DeviceAddress in, uint64_t stride, DeviceAddress out, uint32_t rows, const DeviceAxis& columns,
              CUstream_st* stream);
  /// The vertical pass: rows of `bytes` bytes → [rows.count, bytes].
  void down(DeviceAddress in, DeviceAddress out, uint32_t bytes, const DeviceAxis& rows, CUstream_st* stream);

 private:
  class Module : public Resource<CUmod_st*, &Driver::module_unload> {
   public:
    explicit Module(std::shared_ptr<Device> device);
    CUfunc_st* function(const char* name) const;
  };

  template <typename... Parameters>
  void launch(CUfunc_st* function, uint32_t rows, uint32_t places, CUstream_st* stream, Parameters... parameters);

  const std::shared_ptr<Device> device_;
  const Module module_;
  CUfunc_st *const float32_, *const float16_, *const across_, *const down_;
};

}  // namespace clip::tensorrt
