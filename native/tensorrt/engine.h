#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <vector>

#include "cuda.h"
#include "library.h"
#include "engine_profile.h"
#include "tensor.h"

namespace clip::tensorrt {

/// @throws Fault `plan` where the bytes don't begin as a plan of exactly this version does
void require_plan_of(const Version& version, std::span<const uint8_t> plan);

/// A plan on a device: weights once, shared by contexts, each of which keeps it alive. Fixed once made, but for a count.
class Engine {
 public:
  /// Deserialises on the calling thread. The plan's bytes are not kept.
  /// @throws Fault `plan`, `memory`, `unsupported` for inputs and outputs that a Context can't serve, or the device's
  Engine(std::shared_ptr<const Library> library, std::shared_ptr<Device> device, std::span<const uint8_t> plan);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  const std::shared_ptr<Device>& device() const { return device_; }
  nvinfer1::ICudaEngine& cuda_engine() const { return *loaded_->engine; }
  const std::vector<Binding>& inputs() const { return inputs_; }
  /// float32, rows × width.
  const Binding& output() const { return output_; }
  size_t width() const { return static_cast<size_t>(output_.shape.back()); }
  const std::vector<EngineProfile>& profiles() const { return profiles_; }
  int64_t max_rows() const;
  /// Scratch that one run under any of the profiles needs.
  size_t scratch_bytes() const;

  /// Bytes on the device: the plan's size for the weights, and what contexts hold.
  size_t device_bytes() const { return device_bytes_; }
  void count_device_bytes(int64_t change) { device_bytes_ += static_cast<size_t>(change); }

 private:
  /// In the order in which they are made; they end in the other.
  struct Loaded {
    ErrorRecorder recorder;
    std::unique_ptr<nvinfer1::IRuntime> runtime;
    std::unique_ptr<nvinfer1::ICudaEngine> engine;
  };

  void deserialise(std::span<const uint8_t> plan);
  void read_bindings();
  void read_profiles();

  std::shared_ptr<const Library> library_;
  std::shared_ptr<Device> device_;
  std::unique_ptr<Loaded> loaded_;
  std::vector<Binding> inputs_;
  Binding output_;
  std::vector<EngineProfile> profiles_;
  std::atomic<size_t> device_bytes_;
};

}  // namespace clip::tensorrt
