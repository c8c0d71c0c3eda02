#pragma once

#include <map>
#include <memory>

#include "run.h"

namespace fakes::infer {

class Context final : public IExecutionContext, public nvinfer1::apiv::VExecutionContextStub {
 public:
  /// `scratch` is the device memory of its own, 0 where the caller gives some.
  Context(Object& parent, ICudaEngine& engine, const Voice& voice, std::shared_ptr<const Plan> plan,
          unsigned long long scratch);
  ~Context() override;

  IExecutionContext* getPImpl() noexcept override { return this; }
  const ICudaEngine& getEngine() const noexcept override { return engine_; }
  void setName(const char* name) noexcept override { name_ = name; }
  const char* getName() const noexcept override { return name_.c_str(); }
  void setDeviceMemoryV2(void* memory, int64_t bytes) noexcept override;
  int32_t getOptimizationProfile() const noexcept override { return profile_; }
  bool setOptimizationProfileAsync(int32_t profile, cudaStream_t stream) noexcept override;
  bool setInputShape(const char* name, const Dims& shape) noexcept override;
  Dims getTensorShape(const char* name) const noexcept override;
  bool allInputDimensionsSpecified() const noexcept override;
  int32_t inferShapes(int32_t most, const char** names) noexcept override;
  bool setTensorAddress(const char* name, void* address) noexcept override;
  bool setInputTensorAddress(const char* name, const void* address) noexcept override {
    return setTensorAddress(name, const_cast<void*>(address));
  }
  bool setOutputTensorAddress(const char* name, void* address) noexcept override {
    return setTensorAddress(name, address);
  }
  const void* getTensorAddress(const char* name) const noexcept override;
  bool enqueueV3(cudaStream_t stream) noexcept override;
  bool setNvtxVerbosity(ProfilingVerbosity) noexcept override { return true; }
  void setErrorRecorder(IErrorRecorder* recorder) noexcept override { voice_.record(recorder); }
  IErrorRecorder* getErrorRecorder() const noexcept override { return voice_.recorder(); }

 private:
  /// Ends the process where two threads use the context at once.
  class Entry;
  bool fail(const std::string& where, const std::string& text, ErrorCode code = ErrorCode::kINVALID_ARGUMENT) const;
  bool is_capturing(cudaStream_t stream) const;
  int64_t scratch_needed() const;
  bool bind(Run& run) const;

  Object object_;
  ICudaEngine& engine_;
  Voice voice_;
  std::shared_ptr<const Plan> plan_;
  unsigned long long own_;
  std::shared_ptr<Liveness> liveness_ = std::make_shared<Liveness>();
  std::atomic<bool> entered_{false};
  std::string name_;
  unsigned long long scratch_;
  int64_t scratch_bytes_;
  int32_t profile_ = 0;
  std::map<std::string, Dims> shapes_;
  std::map<std::string, unsigned long long> addresses_;
  /// Shapes or profile changed since the last enqueue: work that no capture can hold.
  bool pending_ = true;
};

}  // namespace fakes::infer
