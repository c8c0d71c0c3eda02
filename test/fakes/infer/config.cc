#include "config.h"

#include <cstring>

namespace fakes::infer {
namespace {

/// Bytes of a serialised timing cache.
struct CacheFile {
  char tag[8];
  int32_t version, build;
  int64_t builds;
};

CacheFile cache_file(int64_t builds) {
  CacheFile file{{'f', 'a', 'k', 'e', 't', 'i', 'm', 'e'}, version_number(), build_number(), builds};
  return file;
}

}  // namespace

TimingCache* TimingCache::read(const void* bytes, size_t size) {
  CacheFile file = cache_file(0);
  if (size == 0) return new TimingCache(0);
  const CacheFile expected = file;
  if (size != sizeof file) return nullptr;
  std::memcpy(&file, bytes, size);
  if (std::memcmp(&file, &expected, offsetof(CacheFile, builds)) != 0) return nullptr;
  return new TimingCache(file.builds);
}

IHostMemory* TimingCache::serialize() const noexcept {
  const CacheFile file = cache_file(builds_);
  const char* start = reinterpret_cast<const char*>(&file);
  return new HostMemory({start, start + sizeof file});
}

bool OptimizationProfile::setDimensions(const char* name, OptProfileSelector select, const Dims& shape) noexcept {
  Range& range = ranges_[name];
  if (select == OptProfileSelector::kMIN) range.min = shape;
  if (select == OptProfileSelector::kOPT) range.opt = shape;
  if (select == OptProfileSelector::kMAX) range.max = shape;
  return shape.nbDims >= 0;
}

Dims OptimizationProfile::getDimensions(const char* name, OptProfileSelector select) const noexcept {
  const auto found = ranges_.find(name);
  if (found == ranges_.end()) return Dims{-1, {}};
  if (select == OptProfileSelector::kMIN) return found->second.min;
  return select == OptProfileSelector::kOPT ? found->second.opt : found->second.max;
}

size_t Config::getMemoryPoolLimit(MemoryPoolType pool) const noexcept {
  const auto found = pools_.find(pool);
  return found == pools_.end() ? 0 : found->second;
}

ITimingCache* Config::createTimingCache(const void* bytes, size_t size) const noexcept {
  TimingCache* cache = TimingCache::read(bytes, size);
  if (!cache)
    voice_.error(ErrorCode::kINVALID_ARGUMENT, "IBuilderConfig::createTimingCache",
                 "the timing cache is of another version of the library, or damaged");
  return cache;
}

bool Config::setTimingCache(const ITimingCache& cache, bool ignore_mismatch) noexcept {
  if (ignore_mismatch) blame("a timing cache of another device would be taken");
  timing_ = &cache;
  return true;
}

int32_t Config::addOptimizationProfile(const IOptimizationProfile* profile) noexcept {
  profiles_.push_back(static_cast<const OptimizationProfile*>(profile)->ranges());
  return static_cast<int32_t>(profiles_.size()) - 1;
}

bool Config::getPreviewFeature(PreviewFeature feature) const noexcept {
  const auto found = previews_.find(feature);
  return found != previews_.end() && found->second;
}

}  // namespace fakes::infer
