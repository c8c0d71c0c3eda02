#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

namespace clip::tensorrt {

/// Calls what was not released in time, on a thread of its own that starts with the first thing to watch. For threads that do
/// not come back from a driver: those that do keep their bounds themselves.
class Watchdog {
 public:
  using Clock = std::chrono::steady_clock;
  using Bite = std::function<void()>;

  Watchdog() = default;
  ~Watchdog() { stop(); }
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  void watch(uint64_t id, Clock::time_point deadline, Bite bite);
  /// Of any thread; what is not watched may be released.
  void release(uint64_t id);
  /// Nothing is called from then on.
  void stop();

 private:
  struct Entry {
    Clock::time_point deadline;
    Bite bite;
  };

  void work();
  /// Of those that are due, one, under the mutex.
  Bite take_due();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<uint64_t, Entry> entries_;
  Clock::time_point wake_ = Clock::time_point::max();
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace clip::tensorrt
