#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

#include "context.h"

namespace clip::tensorrt {

/// The native thread of a context: it alone uses the context, and ends it.
class ContextThread {
 public:
  /// Must not throw.
  using Job = std::function<void(Context&)>;

  explicit ContextThread(std::unique_ptr<Context> context);
  /// As `end`.
  ~ContextThread();
  ContextThread(const ContextThread&) = delete;
  ContextThread& operator=(const ContextThread&) = delete;

  /// @returns false where the thread is to end already
  bool post(Job job);
  /// The context ends after the jobs that are there. Nobody waits.
  void end();
  /// Whether the thread is done with the context by then.
  bool has_ended_by(std::chrono::steady_clock::time_point time) const;

  const std::shared_ptr<Device>& device() const { return device_; }

 private:
  /// Shared with the thread, which may outlive this object.
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Job> jobs;
    bool ending = false;
    bool ended = false;
  };

  static void work(State& state, std::unique_ptr<Context> context);

  std::shared_ptr<Device> device_;
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace clip::tensorrt
