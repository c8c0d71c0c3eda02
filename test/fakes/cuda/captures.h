#pragma once

#include <list>
#include <thread>
#include <utility>
#include <vector>

#include "streams.h"

namespace fakes::cuda {

/// What a stream took while it was captured, in the order of the calls: one that the graph may run.
struct Capture {
  std::vector<Operation> operations;
  bool valid = true;
};

/// The streams that are captured, and the events recorded in them.
class Captures {
 public:
  using Lock = std::lock_guard<std::mutex>;
  static Captures& of_process();

  std::mutex mutex;  // for all below

  /// Null where the stream is not captured.
  std::shared_ptr<Capture> of_stream(const void* stream) const;
  /// Null where the event was recorded outside any capture.
  std::shared_ptr<Capture> of_event(const void* event) const;
  bool begin(const void* stream, int mode);
  /// A stream that waited for an event of the capture belongs to it.
  void join(const void* stream, std::shared_ptr<Capture> capture);
  void record(const void* event, std::shared_ptr<Capture> capture);
  void forget(const void* event);
  /// Null where it was not begun on this stream. All its streams are free again.
  std::shared_ptr<Capture> end(const void* stream);
  /// kCaptureUnsupported where a capture forbids to this thread what no capture may hold; the capture is invalid then.
  int refuse();

 private:
  struct Captured {
    std::shared_ptr<Capture> capture;
    const void* stream;
    bool origin;
    int mode;
    std::thread::id thread;
  };

  std::list<Captured> streams_;
  std::list<std::pair<const void*, std::shared_ptr<Capture>>> events_;
};

}  // namespace fakes::cuda
