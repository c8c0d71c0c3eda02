#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "engine.h"
#include "graphs.h"
#include "kernels.h"
#include "resources.h"
#include "run_plan.h"

namespace clip::tensorrt {

/// Runs an engine, one run at a time, on one stream. All memory is allocated when it is made, for the largest shapes of the
/// profiles. Each profile has an execution context of TensorRT's own: to switch one between profiles costs time on the
/// device and ends its graphs. As all are on one stream, they share their scratch memory.
///
/// Used by one thread, on which the device's context is current; it may be made on another.
class Context {
 public:
  struct Options {
    bool graphs;
    std::chrono::milliseconds hang;
  };

  /// @throws Fault `memory` where it does not suffice; what was allocated is freed, the engine serves on
  Context(std::shared_ptr<Engine> engine, Options options);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  const std::shared_ptr<Device>& device() const { return engine_->device(); }
  const std::shared_ptr<GraphReport>& graph_report() const { return graphs_.report(); }

  /// Writes rows × width floats. Rows that are padded are zeros, which every tower takes, and are not given out.
  /// @throws Fault `shape`, `sticky`, `hung`, `failed`; after it no work of the run is in the stream, or the device is lost
  void run(const std::vector<Feed>& feeds, float* out);
  /// To be called after each run, when its result has been passed on: captures its graph where that is due.
  void capture_if_due();

 private:
  /// A tensor's largest shape on host and device.
  struct Staging {
    const Binding* binding;
    PinnedMemory pinned;
    DeviceMemory memory;
    std::optional<DeviceMemory> rgb;  // for an input of normalised planes: the bytes that are normalised into them
  };
  struct Executions {
    ErrorRecorder recorder;
    std::vector<std::unique_ptr<nvinfer1::IExecutionContext>> of_profile;
  };

  /// Of the last run, whose shapes are set.
  struct Due {
    size_t profile;
    Graphs::Key key;
    std::string what;
  };

  Staging stage(const Binding& binding, size_t bytes) const;
  void stage_inputs();
  void make_executions();
  void prepare(nvinfer1::IExecutionContext& execution, int32_t profile);
  void upload(const RunPlan& run);
  void compute(const RunPlan& run);
  void set_shapes(const RunPlan& run);
  void wait(const std::string& what);
  [[noreturn]] void fail(const std::string& what, const Listener& listener);
  size_t held_bytes() const;

  std::shared_ptr<Engine> engine_;
  const Options options_;
  Stream stream_;
  Event done_;
  std::vector<Staging> inputs_;
  Staging output_;
  std::optional<Kernels> kernels_;  // where an input takes normalised planes
  DeviceMemory scratch_;
  std::unique_ptr<Executions> executions_;
  std::vector<std::vector<Shape>> shapes_;  // of each profile, as last set
  Graphs graphs_;
  std::optional<Due> due_;
};

}  // namespace clip::tensorrt
