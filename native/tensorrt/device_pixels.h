#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "kernels.h"
#include "resources.h"

namespace clip::tensorrt {

/// Decoded RGB, three bytes a pixel, rows without padding, and the side of the crop wanted from it.
struct RgbPicture {
  const uint8_t* data;
  size_t size;  ///< bytes behind `data`: width × height × 3
  int width;
  int height;
  int resolution;
};

/// What the kernels compute, from the host's memory to the host's memory: one job at a time, callable by any thread. Memory
/// of the largest job so far is kept, up to a limit.
class DevicePixels {
 public:
  /// @throws Fault
  explicit DevicePixels(std::shared_ptr<Device> device);
  ~DevicePixels();

  /// As clip::resize_crop for Mode::RGB, byte for byte. `out` takes resolution² × 3 bytes.
  /// @throws std::invalid_argument, std::length_error as that; Fault
  void resize_crop(const RgbPicture& picture, uint8_t* out);
  /// CLIP's normalisation: [rows, pixels, 3] bytes → [rows, 3, pixels] values. At least one row and pixel.
  /// @throws Fault
  void normalise(const uint8_t* rgb, uint32_t rows, uint32_t pixels, Kernels::Value value, uint8_t* out);

 private:
  /// Room for a job; what is there already may be used again.
  void reserve(size_t pinned, size_t device);
  /// From pinned memory to the device's, both from their beginning.
  void upload(size_t bytes);
  /// From the device's memory at `offset`, once the stream has done all.
  void download(size_t offset, size_t bytes, uint8_t* out);
  /// Gives back what a large job needed.
  void shrink();
  DeviceAddress at(size_t offset) const { return memory_->get() + offset; }

  std::mutex mutex_;
  const std::shared_ptr<Device> device_;
  std::optional<Kernels> kernels_;
  std::optional<Stream> stream_;
  std::optional<Event> done_;
  std::optional<PinnedMemory> pinned_;
  std::optional<DeviceMemory> memory_;
  size_t pinned_bytes_ = 0;
};

}  // namespace clip::tensorrt
