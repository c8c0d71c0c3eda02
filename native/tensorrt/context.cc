#include "context.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "wait.h"

namespace clip::tensorrt {
namespace {

/// Of an input under all profiles.
size_t most_bytes(const Engine& engine, size_t input) {
  size_t most = 0;
  for (const EngineProfile& profile : engine.profiles()) {
    const Shape& shape = profile.inputs()[input].max;
    most = std::max(most, static_cast<size_t>(shape[0]) * row_elements(shape));
  }
  return most * bytes_of(engine.inputs()[input].element);
}

/// The device, current on this thread.
std::shared_ptr<Device> entered(std::shared_ptr<Device> device) {
  device->require();
  device->make_current();
  return device;
}

nvinfer1::Dims dims_of(const Shape& shape) {
  nvinfer1::Dims dims{};
  dims.nbDims = static_cast<int32_t>(shape.size());
  std::copy(shape.begin(), shape.end(), dims.d);
  return dims;
}

}  // namespace

Context::Context(std::shared_ptr<Engine> engine, Options options)
    : engine_(std::move(engine)),
      options_(options),
      stream_(entered(engine_->device())),
      done_(device()),
      output_(stage(engine_->output(), static_cast<size_t>(engine_->max_rows()) * engine_->width() * sizeof(float))),
      scratch_(device(), engine_->scratch_bytes()),
      executions_(std::make_unique<Executions>()),
      shapes_(engine_->profiles().size()),
      graphs_(device(), stream_, options.graphs) {
  stage_inputs();
  make_executions();
  engine_->count_device_bytes(static_cast<int64_t>(held_bytes()));
}

Context::~Context() {
  engine_->count_device_bytes(-static_cast<int64_t>(held_bytes()));
  if (device()->is_lost()) static_cast<void>(executions_.release());
}

Context::Staging Context::stage(const Binding& binding, size_t bytes) const {
  return {&binding, PinnedMemory(device(), bytes), DeviceMemory(device(), bytes), std::nullopt};
}

void Context::stage_inputs() {
  for (size_t input = 0; input < engine_->inputs().size(); input++) {
    const Binding& binding = engine_->inputs()[input];
    const size_t bytes = most_bytes(*engine_, input);
    Staging& staging = inputs_.emplace_back(stage(binding, bytes));
    if (!takes_planes(binding)) continue;
    staging.rgb.emplace(device(), bytes / sizeof(float));
    if (!kernels_) kernels_.emplace(device());
  }
}

size_t Context::held_bytes() const {
  size_t bytes = output_.memory.bytes() + scratch_.bytes();
  for (const Staging& input : inputs_) bytes += input.memory.bytes() + (input.rgb ? input.rgb->bytes() : 0);
  return bytes;
}

void Context::make_executions() {
  Listener listener;
  for (size_t profile = 0; profile < engine_->profiles().size(); profile++) {
    executions_->of_profile.emplace_back(engine_->cuda_engine().createExecutionContext(
        nvinfer1::ExecutionContextAllocationStrategy::kUSER_MANAGED));
    if (!executions_->of_profile.back()) fail("TensorRT makes no execution context", listener);
    prepare(*executions_->of_profile.back(), static_cast<int32_t>(profile));
  }
  device()->check(device()->driver().event_record, done_.get(), stream_.get());
  wait("the choice of profiles");
}

void Context::prepare(nvinfer1::IExecutionContext& execution, int32_t profile) {
  Listener listener;
  execution.setErrorRecorder(&executions_->recorder);
  if (!execution.setOptimizationProfileAsync(profile, stream_.get()))
    fail("TensorRT does not take profile " + std::to_string(profile), listener);
  if (scratch_.bytes() > 0) execution.setDeviceMemoryV2(scratch_.pointer(), static_cast<int64_t>(scratch_.bytes()));
  const auto bind = [&](const Staging& tensor) {
    if (!execution.setTensorAddress(tensor.binding->name.c_str(), tensor.memory.pointer()))
      fail("TensorRT does not take the address of " + tensor.binding->name, listener);
  };
  for (const Staging& input : inputs_) bind(input);
  bind(output_);
}

void Context::run(const std::vector<Feed>& feeds, float* out) {
  device()->require();
  due_.reset();
  const RunPlan run = plan_run(*engine_, feeds, options_.graphs);
  const size_t bytes = static_cast<size_t>(run.rows) * engine_->width() * sizeof(float);
  const std::string what = std::to_string(run.rows) + " rows";
  const Driver& driver = device()->driver();
  try {
    upload(run);
    compute(run);
    device()->check(driver.copy_to_host, output_.pinned.data(), output_.memory.get(), bytes, stream_.get());
    device()->check(driver.event_record, done_.get(), stream_.get());
  } catch (...) {
    // What is in the stream reads and writes the staging memory of the next run.
    device()->require();
    device()->check(driver.event_record, done_.get(), stream_.get());
    wait(what + " that failed");
    throw;
  }
  wait(what);
  std::memcpy(out, output_.pinned.data(), bytes);
}

void Context::upload(const RunPlan& run) {
  const Driver& driver = device()->driver();
  for (size_t input = 0; input < inputs_.size(); input++) {
    const Feed& feed = *run.feeds[input];
    const Staging& staging = inputs_[input];
    const size_t row = row_elements(run.shapes[input]), bytes = static_cast<size_t>(run.rows) * run.row_bytes(input);
    unsigned char* to = staging.pinned.data();
    for (const Feed::Piece& piece : feed.pieces) {
      std::memcpy(to, piece.data, piece.bytes);
      to += piece.bytes;
    }
    const bool rgb = run.normalised[input];
    const DeviceAddress target = rgb ? staging.rgb->get() : staging.memory.get();
    device()->check(driver.copy_to_device, target, staging.pinned.data(), bytes, stream_.get());
    if (rgb)
      kernels_->normalise(target, staging.memory.get(), static_cast<uint32_t>(run.rows), static_cast<uint32_t>(row / 3),
                          Kernels::Value::float32, stream_.get());
    const size_t stride = row * bytes_of(staging.binding->element), end = static_cast<size_t>(run.rows) * stride;
    const size_t surplus = static_cast<size_t>(run.padded) * stride - end;
    if (surplus > 0) device()->check(driver.memory_set, staging.memory.get() + end, 0, surplus, stream_.get());
  }
}

void Context::compute(const RunPlan& run) {
  if (graphs_.launch(run.key)) return;
  Listener listener;
  set_shapes(run);
  if (!executions_->of_profile[run.profile]->enqueueV3(stream_.get())) {
    shapes_[run.profile].clear();
    fail("TensorRT does not run " + std::to_string(run.rows) + " rows", listener);
  }
  if (graphs_.is_due(run.key)) due_ = Due{run.profile, run.key, run.text()};
}

void Context::set_shapes(const RunPlan& run) {
  if (shapes_[run.profile] == run.shapes) return;
  Listener listener;
  nvinfer1::IExecutionContext& execution = *executions_->of_profile[run.profile];
  shapes_[run.profile].clear();
  for (size_t input = 0; input < inputs_.size(); input++)
    if (!execution.setInputShape(inputs_[input].binding->name.c_str(), dims_of(run.shapes[input])))
      fail("TensorRT does not take " + text_of(run.shapes[input]) + " for " + inputs_[input].binding->name, listener);
  const nvinfer1::Dims given = execution.getTensorShape(engine_->output().name.c_str());
  if (given.nbDims != 2 || given.d[0] != run.padded || given.d[1] != static_cast<int64_t>(engine_->width()))
    fail("the output has another shape than " + text_of({run.padded, static_cast<int64_t>(engine_->width())}), listener);
  shapes_[run.profile] = run.shapes;
}

void Context::capture_if_due() {
  if (!due_) return;
  const Due due = *std::exchange(due_, std::nullopt);
  graphs_.capture(due.key, due.what, [&] { return executions_->of_profile[due.profile]->enqueueV3(stream_.get()); });
  executions_->recorder.clear();
}

void Context::wait(const std::string& what) { wait_for(*device(), done_, options_.hang, what); }

void Context::fail(const std::string& what, const Listener& listener) {
  // An error that ended the device's work is told here, and not always by TensorRT.
  const CudaResult result = device()->driver().stream_query(stream_.get());
  if (result != kCudaSuccess && result != kCudaNotReady) device()->fail(what.c_str(), result);
  const Fault why = explain(what, listener, executions_->recorder);
  executions_->recorder.clear();
  throw why;
}

}  // namespace clip::tensorrt
