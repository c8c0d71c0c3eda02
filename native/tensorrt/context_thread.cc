#include "context_thread.h"

#include <sys/prctl.h>

#include <thread>
#include <utility>

namespace clip::tensorrt {

ContextThread::ContextThread(std::unique_ptr<Context> context) : device_(context->device()) {
  std::thread([state = state_, context = std::move(context)]() mutable { work(*state, std::move(context)); }).detach();
}

ContextThread::~ContextThread() { end(); }

bool ContextThread::post(Job job) {
  const std::lock_guard lock(state_->mutex);
  if (state_->ending) return false;
  state_->jobs.push_back(std::move(job));
  state_->changed.notify_all();
  return true;
}

void ContextThread::end() {
  const std::lock_guard lock(state_->mutex);
  state_->ending = true;
  state_->changed.notify_all();
}

bool ContextThread::has_ended_by(std::chrono::steady_clock::time_point time) const {
  std::unique_lock lock(state_->mutex);
  return state_->changed.wait_until(lock, time, [this] { return state_->ended; });
}

void ContextThread::work(State& state, std::unique_ptr<Context> context) {
  // The pauses between two looks at the device are shorter than the 50 µs by which a thread's timers may be late.
  prctl(PR_SET_TIMERSLACK, 1000);
  // Where this fails each use of the device says why.
  static_cast<void>(context->device()->try_make_current());
  std::unique_lock lock(state.mutex);
  for (;;) {
    state.changed.wait(lock, [&] { return state.ending || !state.jobs.empty(); });
    if (state.jobs.empty()) break;
    {
      const Job job = std::move(state.jobs.front());
      state.jobs.pop_front();
      lock.unlock();
      job(*context);
    }
    lock.lock();
  }
  lock.unlock();
  context.reset();
  lock.lock();
  state.ended = true;
  state.changed.notify_all();
}

}  // namespace clip::tensorrt
