#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "nvinfer.h"

namespace clip::tensorrt {

/// Follows a build through its nested phases, reports steps and stops the build at the next one once it is cancelled. The
/// library calls it from several threads, one after another here.
class Progress : public nvinfer1::IProgressMonitor {
 public:
  /// `phase` names the phases that are open, outermost first, joined by ` > `; `done` of `total` steps of the innermost.
  using Report = std::function<void(const std::string& phase, int done, int total)>;

  /// `report` is called at most every kInterval, on the library's threads: it must not wait.
  Progress(Report report, const std::atomic<bool>& cancelled);

  void phaseStart(const char* phase, const char* parent, int32_t steps) noexcept override;
  bool stepComplete(const char* phase, int32_t step) noexcept override;
  void phaseFinish(const char* phase) noexcept override;

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kInterval{100};

  struct Phase {
    std::string name;
    std::string parent;
    int total;
  };

  const Phase* find(const std::string& name) const;
  void report(const Phase& phase, int done);

  const Report report_;
  const std::atomic<bool>& cancelled_;
  std::mutex mutex_;
  std::vector<Phase> phases_;  // in the order of their beginnings
  std::optional<Clock::time_point> last_;
};

}  // namespace clip::tensorrt
