#include "captures.h"

#include "graphs.h"

namespace fakes::cuda {
namespace {

/// Of cuStreamBeginCapture: which threads' calls may end it.
constexpr int kGlobal = 0, kThreadLocal = 1;

}  // namespace

Captures& Captures::of_process() {
  static auto* const all = new Captures;
  return *all;
}

std::shared_ptr<Capture> Captures::of_stream(const void* stream) const {
  for (const Captured& captured : streams_)
    if (captured.stream == stream) return captured.capture;
  return nullptr;
}

std::shared_ptr<Capture> Captures::of_event(const void* event) const {
  for (const auto& [handle, capture] : events_)
    if (handle == event) return capture;
  return nullptr;
}

bool Captures::begin(const void* stream, int mode) {
  if (of_stream(stream)) return false;
  streams_.push_back({std::make_shared<Capture>(), stream, true, mode, std::this_thread::get_id()});
  return true;
}

void Captures::join(const void* stream, std::shared_ptr<Capture> capture) {
  streams_.push_back({std::move(capture), stream, false, kThreadLocal, std::this_thread::get_id()});
}

void Captures::record(const void* event, std::shared_ptr<Capture> capture) {
  events_.emplace_back(event, std::move(capture));
}

void Captures::forget(const void* event) {
  events_.remove_if([&](const auto& pair) { return pair.first == event; });
}

std::shared_ptr<Capture> Captures::end(const void* stream) {
  const auto capture = of_stream(stream);
  if (!capture) return nullptr;
  for (const Captured& captured : streams_)
    if (captured.stream == stream && !captured.origin) return nullptr;
  streams_.remove_if([&](const Captured& captured) { return captured.capture == capture; });
  events_.remove_if([&](const auto& pair) { return pair.second == capture; });
  return capture;
}

int Captures::refuse() {
  int result = kSuccess;
  for (const Captured& captured : streams_) {
    const bool own = captured.thread == std::this_thread::get_id();
    if (captured.mode != kGlobal && !(captured.mode == kThreadLocal && own)) continue;
    captured.capture->valid = false;
    result = kCaptureUnsupported;
  }
  return result;
}

}  // namespace fakes::cuda

using namespace fakes::cuda;

extern "C" {

int cuStreamIsCapturing(void* stream, int* status) {
  if (const int result = ready()) return result;
  Captures& all = Captures::of_process();
  const Captures::Lock lock(all.mutex);
  const auto capture = all.of_stream(stream);
  *status = !capture ? 0 : capture->valid ? 1 : 2;
  return kSuccess;
}

int cuStreamBeginCapture_v2(void* stream, int mode) {
  if (const int result = ready()) return result;
  if (!is_stream(stream)) return kInvalidHandle;
  Captures& all = Captures::of_process();
  const Captures::Lock lock(all.mutex);
  return all.begin(stream, mode) ? kSuccess : kInvalidValue;
}

int cuStreamEndCapture(void* stream, void** graph) {
  if (const int result = ready()) return result;
  Captures& all = Captures::of_process();
  const Captures::Lock lock(all.mutex);
  *graph = nullptr;
  const auto capture = all.end(stream);
  if (!capture) return kCaptureUnmatched;
  if (!capture->valid) return kCaptureInvalidated;
  *graph = new_graph(std::move(capture->operations));
  return kSuccess;
}
}
