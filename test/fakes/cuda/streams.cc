#include "streams.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <list>
#include <thread>

#include "../knobs.h"
#include "graphs.h"

namespace fakes::cuda {
namespace {

using Clock = std::chrono::steady_clock;
constexpr unsigned kWithoutTiming = 2;
/// Of cuStreamBeginCapture: which threads' calls may end it.
constexpr int kGlobal = 0, kThreadLocal = 1;

class Stream {
 public:
  /// A thread that ends when the stream is closed and its work is done; nobody waits for it, as with the driver.
  static void start(std::shared_ptr<Stream> stream) {
    std::thread([stream] { stream->work(); }).detach();
  }
  void push(Operation operation) {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(operation));
    changed_.notify_all();
  }
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }
  bool idle() {
    const std::lock_guard lock(mutex_);
    return queue_.empty() && !busy_;
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return queue_.empty() && !busy_; });
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return closed_ || !queue_.empty(); });
      if (queue_.empty()) return;
      {
        const Operation operation = std::move(queue_.front());
        queue_.pop_front();
        busy_ = true;
        lock.unlock();
        operation();
      }
      lock.lock();
      busy_ = false;
      changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Operation> queue_;
  bool busy_ = false, closed_ = false;
};

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

Handles<Stream>& streams() {
  static auto* const handles = new Handles<Stream>;
  return *handles;
}

Handles<Event>& events() {
  static auto* const handles = new Handles<Event>;
  return *handles;
}

/// A stream that is captured, or that waited for an event of one that is.
struct Captured {
  std::shared_ptr<Capture> capture;
  const void* stream;
  bool origin;
  int mode;
  std::thread::id thread;
};

struct Captures {
  std::mutex mutex;
  std::list<Captured> streams;
  /// Events recorded within a capture, which say nothing outside it.
  std::list<std::pair<const void*, std::shared_ptr<Capture>>> events;

  std::shared_ptr<Capture> of_stream(const void* stream) {
    for (const auto& captured : streams)
      if (captured.stream == stream) return captured.capture;
    return nullptr;
  }
  std::shared_ptr<Capture> of_event(const void* event) {
    for (const auto& [handle, capture] : events)
      if (handle == event) return capture;
    return nullptr;
  }
};

Captures& captures() {
  static auto* const all = new Captures;
  return *all;
}

/// Waiting for a stream, or asking it, ends its capture.
int not_captured(const void* stream) {
  Captures& all = captures();
  const std::lock_guard lock(all.mutex);
  const auto capture = all.of_stream(stream);
  if (!capture) return kSuccess;
  capture->valid = false;
  return kCaptureUnsupported;
}

int find_event(void* handle, std::shared_ptr<Event>& event) {
  if (const int result = ready()) return result;
  event = events().find(handle);
  if (!event) return kInvalidHandle;
  const std::lock_guard lock(captures().mutex);
  return captures().of_event(handle) ? kCaptureUnsupported : kSuccess;
}

}  // namespace

int refuse_in_capture() {
  Captures& all = captures();
  const std::lock_guard lock(all.mutex);
  int result = kSuccess;
  for (const Captured& captured : all.streams) {
    const bool own = captured.thread == std::this_thread::get_id();
    if (captured.mode != kGlobal && !(captured.mode == kThreadLocal && own)) continue;
    captured.capture->valid = false;
    result = kCaptureUnsupported;
  }
  return result;
}

int submit(void* handle, Operation operation) {
  const auto stream = streams().find(handle);
  if (!stream) return kInvalidHandle;
  {
    const std::lock_guard lock(captures().mutex);
    if (const auto capture = captures().of_stream(handle)) {
      if (!capture->valid) return kCaptureInvalidated;
      capture->operations.push_back(std::move(operation));
      return kSuccess;
    }
  }
  stream->push([operation = std::move(operation)] {
    if (sticky() == kSuccess) operation();
  });
  return kSuccess;
}

}  // namespace fakes::cuda

using namespace fakes::cuda;

extern "C" {

int cuStreamCreate(void** stream, unsigned) {
  if (const int result = ready()) return result;
  if (const int result = admit()) return result;
  auto created = std::make_shared<Stream>();
  Stream::start(created);
  *stream = streams().add(std::move(created));
  return kSuccess;
}

int cuStreamCreateWithPriority(void** stream, unsigned flags, int) { return cuStreamCreate(stream, flags); }

int cuStreamDestroy_v2(void* handle) {
  const auto stream = streams().take(handle);
  if (!stream) return kInvalidHandle;
  stream->close();
  return sticky();
}

int cuStreamQuery(void* handle) {
  if (const int result = ready()) return result;
  const auto stream = streams().find(handle);
  if (!stream) return kInvalidHandle;
  if (const int result = not_captured(handle)) return result;
  if (!stream->idle()) return kNotReady;
  return sticky();
}

int cuStreamSynchronize(void* handle) {
  if (const int result = ready()) return result;
  const auto stream = streams().find(handle);
  if (!stream) return kInvalidHandle;
  if (const int result = not_captured(handle)) return result;
  stream->wait();
  return sticky();
}

int cuStreamWaitEvent(void* handle, void* event_handle, unsigned) {
  if (const int result = ready()) return result;
  const auto event = events().find(event_handle);
  if (!event || !streams().find(handle)) return kInvalidHandle;
  {
    Captures& all = captures();
    const std::lock_guard lock(all.mutex);
    const auto capture = all.of_event(event_handle);
    const auto own = all.of_stream(handle);
    if (own && capture != own) return own->valid = false, kCaptureUnsupported;
    if (capture && !own) all.streams.push_back({capture, handle, false, kThreadLocal, std::this_thread::get_id()});
    if (capture) return kSuccess;
  }
  return submit(handle, [event, which = event->begun()] { event->wait(which); });
}

int cuLaunchHostFunc(void* stream, void (*function)(void*), void* data) {
  if (const int result = ready()) return result;
  return submit(stream, [=] { function(data); });
}

int cuStreamIsCapturing(void* handle, int* status) {
  if (const int result = ready()) return result;
  const std::lock_guard lock(captures().mutex);
  const auto capture = captures().of_stream(handle);
  *status = !capture ? 0 : capture->valid ? 1 : 2;
  return kSuccess;
}

int cuStreamBeginCapture_v2(void* handle, int mode) {
  if (const int result = ready()) return result;
  if (!streams().find(handle)) return kInvalidHandle;
  const std::lock_guard lock(captures().mutex);
  if (captures().of_stream(handle)) return kInvalidValue;
  captures().streams.push_back({std::make_shared<Capture>(), handle, true, mode, std::this_thread::get_id()});
  return kSuccess;
}

int cuStreamEndCapture(void* handle, void** graph) {
  if (const int result = ready()) return result;
  Captures& all = captures();
  const std::lock_guard lock(all.mutex);
  const auto capture = all.of_stream(handle);
  if (!capture) return kCaptureUnmatched;
  for (const Captured& captured : all.streams)
    if (captured.stream == handle && !captured.origin) return kCaptureUnmatched;
  all.streams.remove_if([&](const Captured& captured) { return captured.capture == capture; });
  all.events.remove_if([&](const auto& pair) { return pair.second == capture; });
  *graph = nullptr;
  if (!capture->valid) return kCaptureInvalidated;
  *graph = new_graph(std::move(capture->operations));
  return kSuccess;
}

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
  const auto target = streams().find(stream);
  if (!event || !target) return kInvalidHandle;
  {
    Captures& all = captures();
    const std::lock_guard lock(all.mutex);
    all.events.remove_if([&](const auto& pair) { return pair.first == handle; });
    if (const auto capture = all.of_stream(stream)) {
      all.events.emplace_back(handle, capture);
      return kSuccess;
    }
  }
  // Completes in any state of the device, for who waits has to wake up to see that the device is lost.
  target->push([event, which = event->begin()] { event->complete(which); });
  return kSuccess;
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

/// As cuLaunchHostFunc, with data of its own that lives as long as an operation or a graph has it.
int fake_cuda_enqueue(void* stream, void (*run)(void*), void* data, void (*release)(void*)) {
  const std::shared_ptr<void> owned(data, release);
  if (const int result = ready()) return result;
  return submit(stream, [run, owned] { run(owned.get()); });
}
}
