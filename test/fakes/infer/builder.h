#pragma once

#include "config.h"
#include "network.h"

namespace fakes::infer {

class Builder final : public IBuilder, public nvinfer1::apiv::VBuilderStub {
 public:
  explicit Builder(ILogger* logger) : object_("builder"), voice_(logger) { mImpl = this; }

  IBuilderConfig* createBuilderConfig() noexcept override { return new Config(object_, voice_); }
  INetworkDefinition* createNetworkV2(NetworkDefinitionCreationFlags flags) noexcept override {
    return new Network(object_, *this, voice_, flags);
  }
  IOptimizationProfile* createOptimizationProfile() noexcept override;
  IHostMemory* buildSerializedNetwork(INetworkDefinition& network, IBuilderConfig& config) noexcept override;
  bool isNetworkSupported(const INetworkDefinition&, const IBuilderConfig&) const noexcept override { return true; }
  void setErrorRecorder(IErrorRecorder* recorder) noexcept override { voice_.record(recorder); }
  IErrorRecorder* getErrorRecorder() const noexcept override { return voice_.recorder(); }
  ILogger* getLogger() const noexcept override { return voice_.logger(); }
  bool setMaxThreads(int32_t threads) noexcept override { return threads_ = threads, true; }
  int32_t getMaxThreads() const noexcept override { return threads_; }
#if NV_TENSORRT_MAJOR == 10
  bool platformHasTf32() const noexcept override { return true; }
#endif

 private:
  void fail(ErrorCode code, const std::string& text) const {
    voice_.error(code, "IBuilder::buildSerializedNetwork", text);
  }
  bool prepare(const Network& network, const Config& config, Plan& plan) const;
  bool is_built(const Port& port, const Config& config) const;
  /// False where the monitor cancels or a knob has it fail.
  bool work(const Network& network, IProgressMonitor* monitor) const;
  bool step(const Network& network, IProgressMonitor* monitor, int32_t index) const;

  Object object_;
  Voice voice_;
  int32_t threads_ = 1;
  std::vector<std::unique_ptr<OptimizationProfile>> profiles_;
};

}  // namespace fakes::infer
