#include "streams.h"

#include <condition_variable>
#include <deque>
#include <thread>

#include "../knobs.h"
#include "captures.h"

namespace fakes::cuda {
namespace {

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

Handles<Stream>& streams() {
  static auto* const handles = new Handles<Stream>;
  return *handles;
}

/// Waiting for a stream, or asking it, ends its capture.
int not_captured(const void* stream) {
  Captures& all = Captures::of_process();
  const Captures::Lock lock(all.mutex);
  const auto capture = all.of_stream(stream);
  if (!capture) return kSuccess;
  capture->valid = false;
  return kCaptureUnsupported;
}

}  // namespace

bool is_stream(const void* stream) { return streams().find(stream) != nullptr; }

int refuse_in_capture() {
  const Captures::Lock lock(Captures::of_process().mutex);
  return Captures::of_process().refuse();
}

int submit(void* handle, Operation operation) {
  if (!is_stream(handle)) return kInvalidHandle;
  {
    const Captures::Lock lock(Captures::of_process().mutex);
    if (const auto capture = Captures::of_process().of_stream(handle)) {
      if (!capture->valid) return kCaptureInvalidated;
      capture->operations.push_back(std::move(operation));
      return kSuccess;
    }
  }
  return submit_always(handle, [operation = std::move(operation)] {
    if (sticky() == kSuccess) operation();
  });
}

int submit_always(void* handle, Operation operation) {
  const auto stream = streams().find(handle);
  if (!stream) return kInvalidHandle;
  stream->push(std::move(operation));
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

int cuLaunchHostFunc(void* stream, void (*function)(void*), void* data) {
  if (const int result = ready()) return result;
  return submit(stream, [=] { function(data); });
}

/// As cuLaunchHostFunc, with data of its own that lives as long as an operation or a graph has it.
int fake_cuda_enqueue(void* stream, void (*run)(void*), void* data, void (*release)(void*)) {
  const std::shared_ptr<void> owned(data, release);
  if (const int result = ready()) return result;
  return submit(stream, [run, owned] { run(owned.get()); });
}
}
