#pragma once

#include <memory>

#include "plan.h"

namespace fakes::infer {

class Runtime final : public IRuntime, public nvinfer1::apiv::VRuntimeStub {
 public:
  explicit Runtime(ILogger* logger) : object_("runtime"), voice_(logger) { mImpl = this; }

  IRuntime* getPImpl() noexcept override { return this; }
  ICudaEngine* deserializeCudaEngine(const void* bytes, size_t size) noexcept override;
  void setErrorRecorder(IErrorRecorder* recorder) noexcept override { voice_.record(recorder); }
  IErrorRecorder* getErrorRecorder() const noexcept override { return voice_.recorder(); }
  ILogger* getLogger() const noexcept override { return voice_.logger(); }
  bool setMaxThreads(int32_t threads) noexcept override { return threads_ = threads, true; }
  int32_t getMaxThreads() const noexcept override { return threads_; }
  void setEngineHostCodeAllowed(bool allowed) noexcept override { host_code_ = allowed; }
  bool getEngineHostCodeAllowed() const noexcept override { return host_code_; }

 private:
  Object object_;
  Voice voice_;
  int32_t threads_ = 1;
  bool host_code_ = false;
};

/// A plan whose bytes take device memory, as weights would.
class Engine final : public ICudaEngine, public nvinfer1::apiv::VCudaEngineStub {
 public:
  Engine(Object& runtime, const Voice& voice, std::shared_ptr<const Plan> plan, unsigned long long weights);
  ~Engine() override;

  ICudaEngine* getPImpl() noexcept override { return this; }
  IExecutionContext* createExecutionContext(ExecutionContextAllocationStrategy strategy) noexcept override;
#if NV_TENSORRT_MAJOR == 10
  IExecutionContext* createExecutionContextWithoutDeviceMemory() noexcept override {
    return createExecutionContext(ExecutionContextAllocationStrategy::kUSER_MANAGED);
  }
#endif
  int32_t getNbIOTensors() const noexcept override { return static_cast<int32_t>(plan_->ports.size()); }
  const char* getIOTensorName(int32_t index) const noexcept override;
  TensorIOMode getTensorIOMode(const char* name) const noexcept override;
  DataType getTensorDataType(const char* name) const noexcept override;
  Dims getTensorShape(const char* name) const noexcept override;
  TensorLocation getTensorLocation(const char*) const noexcept override { return TensorLocation::kDEVICE; }
  bool isShapeInferenceIO(const char*) const noexcept override { return false; }
  TensorFormat getTensorFormat(const char*) const noexcept override { return TensorFormat::kLINEAR; }
  int32_t getTensorVectorizedDim(const char*) const noexcept override { return -1; }
  int32_t getTensorBytesPerComponent(const char* name) const noexcept override;
  int32_t getNbOptimizationProfiles() const noexcept override { return static_cast<int32_t>(plan_->profiles.size()); }
  Dims getProfileShape(const char* name, int32_t profile, OptProfileSelector select) const noexcept override;
  int64_t getDeviceMemorySizeV2() const noexcept override;
  int64_t getDeviceMemorySizeForProfileV2(int32_t profile) const noexcept override;
  int64_t getStreamableWeightsSize() const noexcept override { return 0; }
  int32_t getNbLayers() const noexcept override { return static_cast<int32_t>(plan_->layers.size()); }
  int32_t getNbAuxStreams() const noexcept override { return 0; }
  const char* getName() const noexcept override { return "fake"; }
  bool isRefittable() const noexcept override { return false; }
  IEngineInspector* createEngineInspector() const noexcept override;
  void setErrorRecorder(IErrorRecorder* recorder) noexcept override { voice_.record(recorder); }
  IErrorRecorder* getErrorRecorder() const noexcept override { return voice_.recorder(); }

 private:
  mutable Object object_;
  Voice voice_;
  std::shared_ptr<const Plan> plan_;
  unsigned long long weights_;
};

}  // namespace fakes::infer
