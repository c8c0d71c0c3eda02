#pragma once

#include <map>
#include <memory>
#include <vector>

#include "plan.h"

namespace fakes::infer {

class HostMemory final : public IHostMemory, public nvinfer1::apiv::VHostMemoryStub {
 public:
  explicit HostMemory(std::vector<char> bytes) : object_("memory"), bytes_(std::move(bytes)) { mImpl = this; }
  void* data() const noexcept override { return bytes_.data(); }
  size_t size() const noexcept override { return bytes_.size(); }
  DataType type() const noexcept override { return DataType::kINT8; }

 private:
  Object object_;
  mutable std::vector<char> bytes_;
};

/// Counts the builds that it served.
class TimingCache final : public ITimingCache, public nvinfer1::apiv::VTimingCacheStub {
 public:
  explicit TimingCache(int64_t builds) : object_("timing cache"), builds_(builds) { mImpl = this; }
  /// Null for what this version and build of the library did not write; nothing at all is an empty cache.
  static TimingCache* read(const void* bytes, size_t size);
  IHostMemory* serialize() const noexcept override;
  void serve() const { builds_++; }

 private:
  Object object_;
  mutable std::atomic<int64_t> builds_;
};

/// The builder's: callers do not delete it.
class OptimizationProfile final : public IOptimizationProfile, public nvinfer1::apiv::VOptimizationProfileStub {
 public:
  OptimizationProfile() { mImpl = this; }
  bool setDimensions(const char* name, OptProfileSelector select, const Dims& shape) noexcept override;
  Dims getDimensions(const char* name, OptProfileSelector select) const noexcept override;
  bool isValid() const noexcept override { return true; }
  const Profile& ranges() const { return ranges_; }

 private:
  Profile ranges_;
};

class Config final : public IBuilderConfig, public nvinfer1::apiv::VBuilderConfigStub {
 public:
  Config(Object& builder, const Voice& voice) : object_("config", &builder), voice_(voice) { mImpl = this; }

  void setFlags(BuilderFlags flags) noexcept override { flags_ = flags; }
  BuilderFlags getFlags() const noexcept override { return flags_; }
  void setFlag(BuilderFlag flag) noexcept override { flags_ |= 1u << static_cast<uint32_t>(flag); }
  void clearFlag(BuilderFlag flag) noexcept override { flags_ &= ~(1u << static_cast<uint32_t>(flag)); }
  bool getFlag(BuilderFlag flag) const noexcept override { return (flags_ >> static_cast<uint32_t>(flag) & 1) != 0; }
  void setMemoryPoolLimit(MemoryPoolType pool, size_t bytes) noexcept override { pools_[pool] = bytes; }
  size_t getMemoryPoolLimit(MemoryPoolType pool) const noexcept override;
  void setBuilderOptimizationLevel(int32_t level) noexcept override { level_ = level; }
  int32_t getBuilderOptimizationLevel() const noexcept override { return level_; }
  void setProfilingVerbosity(ProfilingVerbosity verbosity) noexcept override { verbosity_ = verbosity; }
  ProfilingVerbosity getProfilingVerbosity() const noexcept override { return verbosity_; }
  ITimingCache* createTimingCache(const void* bytes, size_t size) const noexcept override;
  bool setTimingCache(const ITimingCache& cache, bool ignore_mismatch) noexcept override;
  const ITimingCache* getTimingCache() const noexcept override { return timing_; }
  void setProgressMonitor(IProgressMonitor* monitor) noexcept override { monitor_ = monitor; }
  IProgressMonitor* getProgressMonitor() const noexcept override { return monitor_; }
#if NV_TENSORRT_MAJOR == 10
  void setMaxAuxStreams(int32_t count) noexcept override { aux_streams_ = count; }
#else
  bool setMaxAuxStreams(int32_t count) noexcept override { return aux_streams_ = count, true; }
#endif
  int32_t getMaxAuxStreams() const noexcept override { return aux_streams_; }
  int32_t addOptimizationProfile(const IOptimizationProfile* profile) noexcept override;
  int32_t getNbOptimizationProfiles() const noexcept override { return static_cast<int32_t>(profiles_.size()); }
  void setPreviewFeature(PreviewFeature feature, bool enable) noexcept override { previews_[feature] = enable; }
  bool getPreviewFeature(PreviewFeature feature) const noexcept override;
  void setProfileStream(cudaStream_t stream) noexcept override { stream_ = stream; }
  cudaStream_t getProfileStream() const noexcept override { return stream_; }

  const std::vector<Profile>& profiles() const { return profiles_; }

 private:
  Object object_;
  const Voice& voice_;
  // The real library has TF32 on.
  BuilderFlags flags_ = 1u << static_cast<uint32_t>(BuilderFlag::kTF32);
  std::map<MemoryPoolType, size_t> pools_;
  std::map<PreviewFeature, bool> previews_;
  int32_t level_ = 3, aux_streams_ = -1;
  ProfilingVerbosity verbosity_ = ProfilingVerbosity::kLAYER_NAMES_ONLY;
  const ITimingCache* timing_ = nullptr;
  IProgressMonitor* monitor_ = nullptr;
  cudaStream_t stream_ = nullptr;
  std::vector<Profile> profiles_;
};

}  // namespace fakes::infer
