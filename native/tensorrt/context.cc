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
  for (const Profile& profile : engine.profiles()) {
    const Shape& shape = profile.inputs()[input].max;
    most = std::max(most, static_cast<size_t>(shape[0]) * row_elements(shape));
  }
  return most * bytes_of(engine.inputs()[input].element);
}

size_t given_bytes(const Feed& feed) {
  size_t bytes = 0;
  for (const Feed::Piece& piece : feed.pieces) bytes += piece.bytes;
  return bytes;
}

/// Whether the input may be CLIP's normalised planes: float32 [rows, 3, height, width].
bool takes_planes(const Binding& input) {
  return input.element == Element::float32 && input.shape.size() == 4 && input.shape[1] == 3;
}

/// Bytes [rows, height, width, 3], which the device is to normalise.
bool is_rgb(const Binding& input, const Feed& feed) {
  return takes_planes(input) && feed.element == Element::uint8 && feed.shape.size() == 4 && feed.shape[3] == 3;
}

/// What the feed is once it is in the input.
Shape shape_in(const Binding& input, const Feed& feed) {
  const Shape& shape = feed.shape;
  return is_rgb(input, feed) ? Shape{shape[0], 3, shape[1], shape[2]} : shape;
}

/// @throws Fault `failed` where the feed is not one of this input
void require_fit(const Binding& input, const Feed& feed, int64_t rows) {
  const auto refuse = [&](const std::string& expected, const std::string& got) {
    throw Fault(FaultCode::failed, "feed " + feed.name + ": " + expected + " expected, got " + got);
  };
  if (feed.element != input.element && !is_rgb(input, feed)) refuse(name_of(input.element), name_of(feed.element));
  if (feed.shape.size() != input.shape.size())
    refuse(std::to_string(input.shape.size()) + " dimensions", text_of(feed.shape));
  if (feed.shape[0] != rows) refuse(std::to_string(rows) + " rows, as of the first feed", text_of(feed.shape));
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
  Run run = plan(feeds);
  const size_t bytes = static_cast<size_t>(run.rows) * engine_->width() * sizeof(float);
  const std::string what = std::to_string(run.rows) + " rows";
  const Driver& driver = device()->driver();
  try {
    upload(run);
    compute(run);
    device()->check(driver.copy_to_host, output_.pinned.data(), output_.memory.get(), bytes, stream_.get());
    device()->check(driver.event_record, done_.get(), stream_.get());
  } catch (const Fault&) {
    // What is in the stream reads and writes the staging memory of the next run.
    device()->require();
    device()->check(driver.event_record, done_.get(), stream_.get());
    wait(what + " that failed");
    throw;
  }
  wait(what);
  std::memcpy(out, output_.pinned.data(), bytes);
}

Context::Run Context::plan(const std::vector<Feed>& feeds) const {
  Run run{};
  run.rows = feeds.empty() || feeds.front().shape.empty() ? 0 : feeds.front().shape.front();
  for (const Binding& input : engine_->inputs()) {
    const auto feed = std::find_if(feeds.begin(), feeds.end(), [&](const Feed& one) { return one.name == input.name; });
    if (feed == feeds.end()) throw Fault(FaultCode::failed, "feed " + input.name + " is missing");
    require_fit(input, *feed, run.rows);
    run.feeds.push_back(&*feed);
    run.shapes.push_back(shape_in(input, *feed));
  }
  if (feeds.size() != run.feeds.size())
    throw Fault(FaultCode::failed, std::to_string(run.feeds.size()) + " feeds expected, got " + std::to_string(feeds.size()));
  const Choice choice = choose_profile(engine_->profiles(), run.shapes, options_.graphs);
  run.profile = choice.profile;
  run.padded = choice.rows;
  run.key.push_back(static_cast<int64_t>(choice.profile));
  for (Shape& shape : run.shapes) {
    shape[0] = choice.rows;
    run.key.insert(run.key.end(), shape.begin(), shape.end());
  }
  return run;
}

void Context::upload(const Run& run) {
  const Driver& driver = device()->driver();
  for (size_t input = 0; input < inputs_.size(); input++) {
    const Feed& feed = *run.feeds[input];
    const Staging& staging = inputs_[input];
    const size_t row = row_elements(feed.shape), bytes = static_cast<size_t>(run.rows) * row * bytes_of(feed.element);
    if (given_bytes(feed) != bytes)
      throw Fault(FaultCode::failed, "feed " + feed.name + ": " + std::to_string(bytes) + " bytes expected for " +
                                         text_of(feed.shape) + ", got " + std::to_string(given_bytes(feed)));
    unsigned char* to = staging.pinned.data();
    for (const Feed::Piece& piece : feed.pieces) {
      std::memcpy(to, piece.data, piece.bytes);
      to += piece.bytes;
    }
    const bool rgb = is_rgb(*staging.binding, feed);
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

void Context::compute(const Run& run) {
  if (graphs_.launch(run.key)) return;
  Listener listener;
  set_shapes(run);
  if (!executions_->of_profile[run.profile]->enqueueV3(stream_.get())) {
    shapes_[run.profile].clear();
    fail("TensorRT does not run " + std::to_string(run.rows) + " rows", listener);
  }
  if (graphs_.is_due(run.key)) due_ = run;
}

void Context::set_shapes(const Run& run) {
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
  const Run run = *std::exchange(due_, std::nullopt);
  std::string what;
  for (const Shape& shape : run.shapes) what += (what.empty() ? "" : " and ") + text_of(shape);
  graphs_.capture(run.key, what, [&] { return executions_->of_profile[run.profile]->enqueueV3(stream_.get()); });
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
