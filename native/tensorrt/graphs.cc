#include "graphs.h"

#include "messages.h"

namespace clip::tensorrt {
namespace {

/// Shapes that are remembered: each graph takes memory on the device. Text in four buckets of columns and rows up to 256 make 68.
constexpr size_t kMostShapes = 96;
constexpr int kRunsBeforeCapture = 2;

struct Captured {
  const Driver& driver;
  CUgraph_st* graph = nullptr;
  ~Captured() {
    if (graph) driver.graph_destroy(graph);
  }
};

}  // namespace

GraphReport::Figures GraphReport::figures() const {
  const std::lock_guard lock(mutex_);
  return figures_;
}

void GraphReport::count_capture() {
  const std::lock_guard lock(mutex_);
  figures_.captured++;
}

void GraphReport::count_launch() {
  const std::lock_guard lock(mutex_);
  figures_.launched++;
}

void GraphReport::add_refusal(const std::string& why) {
  const std::lock_guard lock(mutex_);
  figures_.refused.push_back(why);
}

Graphs::Graphs(std::shared_ptr<Device> device, const Stream& stream, bool wanted)
    : device_(std::move(device)), stream_(stream), wanted_(wanted) {}

bool Graphs::launch(const Key& key) {
  const auto found = entries_.find(key);
  if (found == entries_.end() || !found->second.graph) return false;
  device_->check(device_->driver().graph_launch, found->second.graph->get(), stream_.get());
  report_->count_launch();
  return true;
}

bool Graphs::is_due(const Key& key) {
  if (!wanted_ || (entries_.size() == kMostShapes && !entries_.contains(key))) return false;
  Entry& entry = entries_[key];
  return !entry.refused && ++entry.runs >= kRunsBeforeCapture;
}

void Graphs::capture(const Key& key, const std::string& what, const std::function<bool()>& enqueue) {
  Entry& entry = entries_[key];
  try {
    entry.graph.emplace(record(enqueue));
    report_->count_capture();
  } catch (const Fault& fault) {
    // Nobody waits for a capture: a device that it lost is told to the next run.
    const Driver& driver = device_->driver();
    const CudaResult state = driver.stream_query(stream_.get());
    if (is_sticky(state)) device_->lose(driver.fault(driver.stream_query.name(), state));
    entry.refused = true;
    report_->add_refusal("no graph of " + what + ": " + fault.what());
  }
}

Graph Graphs::record(const std::function<bool()>& enqueue) {
  // Other threads of the process may allocate meanwhile.
  constexpr int kThreadLocal = 1;
  const Driver& driver = device_->driver();
  device_->check(driver.stream_begin_capture, stream_.get(), kThreadLocal);
  const Listener listener;
  const bool enqueued = enqueue();
  // Ends the capture whatever came of it: the stream takes no work before that.
  Captured captured{driver};
  const CudaResult ended = driver.stream_end_capture(stream_.get(), &captured.graph);
  if (!enqueued) throw explain("TensorRT does not run while the stream is captured", listener, {});
  if (ended != kCudaSuccess) device_->fail(driver.stream_end_capture.name(), ended);
  return Graph(device_, captured.graph);
}

}  // namespace clip::tensorrt
