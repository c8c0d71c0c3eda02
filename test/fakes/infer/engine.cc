#include "engine.h"

#include "context.h"
#include "driver.h"
#include "inspector.h"

namespace fakes::infer {
namespace {

constexpr Dims kNone{-1, {}};

}  // namespace

ICudaEngine* Runtime::deserializeCudaEngine(const void* bytes, size_t size) noexcept {
  const std::string where = "IRuntime::deserializeCudaEngine";
  void* context = nullptr;
  if (Driver::get().context_get_current(&context) != 0 || !context) {
    voice_.error(ErrorCode::kINVALID_STATE, where, "no CUDA context is current on this thread");
    return nullptr;
  }
  auto plan = std::make_shared<Plan>();
  std::string why;
  if (!deserialize(static_cast<const char*>(bytes), size, *plan, why)) {
    voice_.error(ErrorCode::kUNSPECIFIED_ERROR, where, why);
    return nullptr;
  }
  unsigned long long weights = 0;
  if (Driver::get().memory_allocate(&weights, size) != 0) {
    voice_.error(ErrorCode::kFAILED_ALLOCATION, where,
                 "Requested amount of GPU memory (" + std::to_string(size) + " bytes) could not be allocated.");
    return nullptr;
  }
  return new Engine(object_, voice_, std::move(plan), weights);
}

Engine::Engine(Object& runtime, const Voice& voice, std::shared_ptr<const Plan> plan, unsigned long long weights)
    : object_("engine", &runtime), voice_(voice.logger(), voice.recorder()), plan_(std::move(plan)), weights_(weights) {
  mImpl = this;
}

Engine::~Engine() {
  if (Driver::get().memory_free(weights_) != 0) voice_.warn("~ICudaEngine: the device's memory could not be freed");
}

IExecutionContext* Engine::createExecutionContext(ExecutionContextAllocationStrategy strategy) noexcept {
  const std::string where = "ICudaEngine::createExecutionContext";
  if (knob("FAKE_CONTEXT_NULL")) {
    voice_.error(ErrorCode::kFAILED_INITIALIZATION, where, "the fake was asked for no context");
    return nullptr;
  }
  unsigned long long scratch = 0;
  const auto bytes = static_cast<size_t>(getDeviceMemorySizeV2());
  const bool own = strategy == ExecutionContextAllocationStrategy::kSTATIC && bytes > 0;
  if (own && Driver::get().memory_allocate(&scratch, bytes) != 0) {
    voice_.error(ErrorCode::kFAILED_ALLOCATION, where,
                 "Requested amount of GPU memory (" + std::to_string(bytes) + " bytes) could not be allocated.");
    return nullptr;
  }
  return new Context(object_, *this, voice_, plan_, scratch);
}

const char* Engine::getIOTensorName(int32_t index) const noexcept {
  const auto place = static_cast<size_t>(index);
  return place < plan_->ports.size() ? plan_->ports[place].name.c_str() : nullptr;
}

TensorIOMode Engine::getTensorIOMode(const char* name) const noexcept {
  const Port* port = plan_->find(name);
  if (!port) return TensorIOMode::kNONE;
  return port->input ? TensorIOMode::kINPUT : TensorIOMode::kOUTPUT;
}

DataType Engine::getTensorDataType(const char* name) const noexcept {
  const Port* port = plan_->find(name);
  return port ? port->type : DataType::kFLOAT;
}

Dims Engine::getTensorShape(const char* name) const noexcept {
  const Port* port = plan_->find(name);
  return port ? port->shape : kNone;
}

int32_t Engine::getTensorBytesPerComponent(const char* name) const noexcept {
  return static_cast<int32_t>(bytes_of(getTensorDataType(name)));
}

Dims Engine::getProfileShape(const char* name, int32_t profile, OptProfileSelector select) const noexcept {
  const auto place = static_cast<size_t>(profile);
  const Port* port = plan_->find(name);
  if (!port || !port->input || place >= plan_->profiles.size()) return kNone;
  const auto found = plan_->profiles[place].find(name);
  if (found == plan_->profiles[place].end()) return port->shape;
  if (select == OptProfileSelector::kMIN) return found->second.min;
  return select == OptProfileSelector::kOPT ? found->second.opt : found->second.max;
}

int64_t Engine::getDeviceMemorySizeForProfileV2(int32_t profile) const noexcept {
  const auto place = static_cast<size_t>(profile);
  return place < plan_->profiles.size() ? plan_->rows(place) * plan_->scratch_per_row : 0;
}

int64_t Engine::getDeviceMemorySizeV2() const noexcept {
  int64_t most = 0;
  for (int32_t i = 0; i < getNbOptimizationProfiles(); i++) most = std::max(most, getDeviceMemorySizeForProfileV2(i));
  return most;
}

IEngineInspector* Engine::createEngineInspector() const noexcept { return new Inspector(object_, plan_); }

}  // namespace fakes::infer
