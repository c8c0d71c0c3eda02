#include "watchdog.h"

#include <algorithm>
#include <utility>

namespace clip::tensorrt {

void Watchdog::watch(uint64_t id, Clock::time_point deadline, Bite bite) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  entries_.emplace(id, Entry{deadline, std::move(bite)});
  // Deadlines mostly come in order, so the thread is seldom woken before one.
  if (deadline < wake_) {
    wake_ = deadline;
    changed_.notify_all();
  }
  if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
}

void Watchdog::release(uint64_t id) {
  const std::lock_guard lock(mutex_);
  entries_.erase(id);
}

void Watchdog::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void Watchdog::work() {
  // Without deadlines it looks now and then: waiting until the end of time overflows in some libraries.
  constexpr auto kIdle = std::chrono::hours(1);
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (const Bite bite = take_due()) {
      lock.unlock();
      bite();
      lock.lock();
      continue;
    }
    wake_ = Clock::now() + kIdle;
    for (const auto& [id, entry] : entries_) wake_ = std::min(wake_, entry.deadline);
    changed_.wait_until(lock, wake_);
  }
}

Watchdog::Bite Watchdog::take_due() {
  const auto now = Clock::now();
  const auto due =
      std::find_if(entries_.begin(), entries_.end(), [&](const auto& one) { return one.second.deadline <= now; });
  return due == entries_.end() ? nullptr : std::move(entries_.extract(due).mapped().bite);
}

}  // namespace clip::tensorrt
