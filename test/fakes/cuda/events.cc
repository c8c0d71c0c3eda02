#include <chrono>
#include <condition_variable>

#include "captures.h"

namespace fakes::cuda {
namespace {

using Clock = std::chrono::steady_clock;
constexpr unsigned kWithoutTiming = 2;

class Event {
 public:
  explicit Event(bool timed) : timed_(timed) {}
  long begin() {
    const std::lock_guard lock(mutex_);
    return ++begun_;
  }
  void complete(long which) {
    const std::lock_guard lock(mutex_);
    done_ = which;
    at_ = Clock::now();
    changed_.notify_all();
  }
  bool done() {
    const std::lock_guard lock(mutex_);
    return done_ >= begun_;
  }
  void wait(long which) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return done_ >= which; });
  }
  long begun() {
    const std::lock_guard lock(mutex_);
    return begun_;
  }
  bool timed() const { return timed_; }
  Clock::time_point at() {
    const std::lock_guard lock(mutex_);
    return at_;
  }

 private:
  const bool timed_;
  std::mutex mutex_;
  std::condition_variable changed_;
  long begun_ = 0, done_ = 0;
  Clock::time_point at_;
};

Handles<Event>& events() {
  static auto* const handles = new Handles<Event>;
  return *handles;
}

int find_event(void* handle, std::shared_ptr<Event>& event) {
  if (const int result = ready()) return result;
  event = events().find(handle);
  if (!event) return kInvalidHandle;
  const Captures::Lock lock(Captures::of_process().mutex);
  return Captures::of_process().of_event(handle) ? kCaptureUnsupported : kSuccess;
}

}  // namespace
}  // namespace fakes::cuda

using namespace fakes::cuda;

extern "C" {

int cuEventCreate(void** event, unsigned flags) {
  if (const int result = ready()) return result;
  if (const int result = admit()) return result;
  *event = events().add(std::make_shared<Event>((flags & kWithoutTiming) == 0));
  return kSuccess;
}

int cuEventDestroy_v2(void* handle) { return events().take(handle) ? sticky() : kInvalidHandle; }

int cuEventRecord(void* handle, void* stream) {
  if (const int result = ready()) return result;
  const auto event = events().find(handle);
  if (!event || !is_stream(stream)) return kInvalidHandle;
  {
    Captures& all = Captures::of_process();
    const Captures::Lock lock(all.mutex);
    all.forget(handle);
    if (auto capture = all.of_stream(stream)) {
      all.record(handle, std::move(capture));
      return kSuccess;
    }
  }
  // Always, for who waits has to wake up to see that the device is lost.
  return submit_always(stream, [event, which = event->begin()] { event->complete(which); });
}

int cuStreamWaitEvent(void* stream, void* handle, unsigned) {
  if (const int result = ready()) return result;
  const auto event = events().find(handle);
  if (!event || !is_stream(stream)) return kInvalidHandle;
  {
    Captures& all = Captures::of_process();
    const Captures::Lock lock(all.mutex);
    const auto capture = all.of_event(handle), own = all.of_stream(stream);
    if (own && capture != own) return own->valid = false, kCaptureUnsupported;
    if (capture && !own) all.join(stream, capture);
    if (capture) return kSuccess;
  }
  return submit(stream, [event, which = event->begun()] { event->wait(which); });
}

int cuEventQuery(void* handle) {
  std::shared_ptr<Event> event;
  if (const int result = find_event(handle, event)) return result;
  if (!event->done()) return kNotReady;
  return sticky();
}

int cuEventSynchronize(void* handle) {
  std::shared_ptr<Event> event;
  if (const int result = find_event(handle, event)) return result;
  event->wait(event->begun());
  return sticky();
}

int cuEventElapsedTime(float* milliseconds, void* start_handle, void* end_handle) {
  std::shared_ptr<Event> start, end;
  if (const int result = find_event(start_handle, start)) return result;
  if (const int result = find_event(end_handle, end)) return result;
  if (!start->timed() || !end->timed() || start->begun() == 0 || end->begun() == 0) return kInvalidHandle;
  if (!start->done() || !end->done()) return kNotReady;
  *milliseconds = std::chrono::duration<float, std::milli>(end->at() - start->at()).count();
  return kSuccess;
}
}
