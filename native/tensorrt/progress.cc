#include "progress.h"

#include <algorithm>

namespace clip::tensorrt {

Progress::Progress(Report report, const std::atomic<bool>& cancelled)
    : report_(std::move(report)), cancelled_(cancelled) {}

// A phase that finds no memory is not reported; the library must not be left by an exception.
void Progress::phaseStart(const char* phase, const char* parent, int32_t steps) noexcept try {
  const std::lock_guard lock(mutex_);
  phases_.push_back({phase, parent ? parent : "", steps});
  report(phases_.back(), 0);
} catch (...) {
}

bool Progress::stepComplete(const char* phase, int32_t step) noexcept try {
  if (cancelled_) return false;
  const std::lock_guard lock(mutex_);
  // Steps count from 0.
  if (const Phase* open = find(phase)) report(*open, step + 1);
  return true;
} catch (...) {
  return true;
}

void Progress::phaseFinish(const char* phase) noexcept try {
  const std::lock_guard lock(mutex_);
  if (const Phase* open = find(phase)) phases_.erase(phases_.begin() + (open - phases_.data()));
} catch (...) {
}

const Progress::Phase* Progress::find(const std::string& name) const {
  const auto named = [&](const Phase& phase) { return phase.name == name; };
  // Of several with one name, the one that began last is meant.
  const auto found = std::find_if(phases_.rbegin(), phases_.rend(), named);
  return found == phases_.rend() ? nullptr : &*found;
}

void Progress::report(const Phase& phase, int done) {
  const Clock::time_point now = Clock::now();
  if (last_ && now - *last_ < kInterval) return;
  last_ = now;
  std::string path = phase.name;
  size_t depth = 0;
  // Bounded, for nothing keeps the library from naming a phase as its own ancestor.
  for (const Phase* outer = find(phase.parent); outer && depth < phases_.size(); outer = find(outer->parent), depth++)
    path = outer->name + " > " + path;
  report_(path, std::min(done, phase.total), phase.total);
}

}  // namespace clip::tensorrt
