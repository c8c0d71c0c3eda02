#include "context.h"

#include "driver.h"

namespace fakes::infer {
namespace {

std::atomic<long long>& enqueues() {
  static std::atomic<long long> count{0};
  return count;
}

bool is_whole(const Dims& shape) {
  for (int i = 0; i < shape.nbDims; i++)
    if (shape.d[i] < 0) return false;
  return true;
}

bool within(const Dims& shape, const Dims& min, const Dims& max) {
  if (shape.nbDims != min.nbDims) return false;
  for (int i = 0; i < shape.nbDims; i++)
    if (shape.d[i] < min.d[i] || shape.d[i] > max.d[i]) return false;
  return true;
}

}  // namespace

class Context::Entry {
 public:
  explicit Entry(Context& context) : context_(context) {
    if (context_.entered_.exchange(true)) refuse("a context is used by two threads at once");
  }
  ~Entry() { context_.entered_ = false; }

 private:
  Context& context_;
};

Context::Context(Object& parent, ICudaEngine& engine, const Voice& voice, std::shared_ptr<const Plan> plan,
                 unsigned long long scratch)
    : object_("context", &parent),
      engine_(engine),
      voice_(voice.logger(), voice.recorder()),
      plan_(std::move(plan)),
      own_(scratch),
      scratch_(scratch),
      scratch_bytes_(scratch ? engine.getDeviceMemorySizeV2() : 0) {
  mImpl = this;
}

Context::~Context() {
  liveness_->alive = false;
  if (own_ && Driver::get().memory_free(own_) != 0)
    voice_.warn("~IExecutionContext: the device's memory could not be freed");
}

bool Context::fail(const std::string& where, const std::string& text, ErrorCode code) const {
  voice_.error(code, "IExecutionContext::" + where, text);
  return false;
}

bool Context::is_capturing(cudaStream_t stream) const {
  int status = 0;
  return Driver::get().stream_is_capturing(stream, &status) == 0 && status != 0;
}

void Context::setDeviceMemoryV2(void* memory, int64_t bytes) noexcept {
  const Entry entry(*this);
  if (own_) refuse("device memory is given to a context that has its own");
  scratch_ = reinterpret_cast<unsigned long long>(memory);
  scratch_bytes_ = bytes;
}

bool Context::setOptimizationProfileAsync(int32_t profile, cudaStream_t stream) noexcept {
  const Entry entry(*this);
  const std::string where = "setOptimizationProfileAsync";
  if (profile < 0 || static_cast<size_t>(profile) >= plan_->profiles.size())
    return fail(where, "there is no optimization profile " + std::to_string(profile));
  if (is_capturing(stream)) return fail(where, "the stream is captured", ErrorCode::kINVALID_STATE);
  if (profile != profile_) shapes_.clear();
  profile_ = profile;
  pending_ = true;
  return true;
}

bool Context::setInputShape(const char* name, const Dims& shape) noexcept {
  const Entry entry(*this);
  const Port* port = plan_->find(name);
  if (!port || !port->input) return fail("setInputShape", std::string("there is no input ") + name);
  const Dims min = engine_.getProfileShape(name, profile_, OptProfileSelector::kMIN);
  const Dims max = engine_.getProfileShape(name, profile_, OptProfileSelector::kMAX);
  if (!within(shape, min, max))
    return fail("setInputShape", "Static dimension mismatch or shape out of profile " + std::to_string(profile_) +
                                     ": " + name + " got " + words(shape) + ", expected " + words(min) + " to " +
                                     words(max));
  const auto [place, fresh] = shapes_.try_emplace(name, shape);
  if (!fresh && words(place->second) == words(shape)) return true;
  place->second = shape;
  pending_ = true;
  return true;
}

Dims Context::getTensorShape(const char* name) const noexcept {
  const Port* port = plan_->find(name);
  if (!port) return Dims{-1, {}};
  Dims shape = port->shape;
  if (port->input) {
    const auto found = shapes_.find(name);
    return found == shapes_.end() ? shape : found->second;
  }
  const Dims first = getTensorShape(plan_->ports.front().name.c_str());
  if (shape.nbDims > 0 && shape.d[0] < 0) shape.d[0] = first.nbDims > 0 ? first.d[0] : 1;
  return shape;
}

int32_t Context::inferShapes(int32_t most, const char** names) noexcept {
  int32_t missing = 0;
  for (const Port& port : plan_->ports) {
    if (!port.input || is_whole(getTensorShape(port.name.c_str()))) continue;
    if (missing < most && names) names[missing] = port.name.c_str();
    missing++;
  }
  return missing;
}

bool Context::allInputDimensionsSpecified() const noexcept {
  return const_cast<Context*>(this)->inferShapes(0, nullptr) == 0;
}

bool Context::setTensorAddress(const char* name, void* address) noexcept {
  const Entry entry(*this);
  if (!plan_->find(name)) return fail("setTensorAddress", std::string("there is no tensor ") + name);
  addresses_[name] = reinterpret_cast<unsigned long long>(address);
  return true;
}

const void* Context::getTensorAddress(const char* name) const noexcept {
  const auto found = addresses_.find(name);
  return found == addresses_.end() ? nullptr : reinterpret_cast<const void*>(found->second);
}

int64_t Context::scratch_needed() const { return engine_.getDeviceMemorySizeForProfileV2(profile_); }

bool Context::bind(Run& run) const {
  for (const Port& port : plan_->ports) {
    const auto found = addresses_.find(port.name);
    const Dims shape = getTensorShape(port.name.c_str());
    if (found == addresses_.end() || found->second == 0)
      return fail("enqueueV3", "Neither address or allocator is set for tensor " + port.name);
    if (!is_whole(shape)) return fail("enqueueV3", "the shape of " + port.name + " is not set: " + words(shape));
    (port.input ? run.inputs : run.outputs).push_back({&port, shape, found->second});
  }
  return true;
}

bool Context::enqueueV3(cudaStream_t stream) noexcept {
  const Entry entry(*this);
  const long long number = ++enqueues();
  if (reached("FAKE_ENQUEUE_FAIL", number))
    return fail("enqueueV3", "the fake was asked to fail", ErrorCode::kFAILED_EXECUTION);
  if (reached("FAKE_ENQUEUE_HANG", number)) hang();
  if (scratch_bytes_ < scratch_needed())
    return fail("enqueueV3", "device memory of " + std::to_string(scratch_bytes_) + " bytes, expected " +
                                 std::to_string(scratch_needed()));
  if (pending_ && is_capturing(stream))
    return fail("enqueueV3", "shapes changed since the last call, which a captured stream cannot take",
                ErrorCode::kINVALID_STATE);
  if (knob("FAKE_CAPTURE_FAIL") && is_capturing(stream)) {
    // What no capture allows, and what ends this one.
    unsigned long long memory = 0;
    const int result = Driver::get().memory_allocate(&memory, 1);
    return fail("enqueueV3", "Cuda Runtime (error " + std::to_string(result) + ")", ErrorCode::kUNSPECIFIED_ERROR);
  }
  auto run = std::make_unique<Run>(Run{plan_, liveness_, {}, {}, scratch_, static_cast<size_t>(scratch_needed())});
  if (!bind(*run)) return false;
  const int result =
      Driver::get().enqueue(stream, execute, run.release(), [](void* data) { delete static_cast<Run*>(data); });
  if (result != 0)
    return fail("enqueueV3", "Cuda Runtime (error " + std::to_string(result) + ")", ErrorCode::kUNSPECIFIED_ERROR);
  pending_ = false;
  return true;
}

}  // namespace fakes::infer
