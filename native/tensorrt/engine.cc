#include "engine.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace clip::tensorrt {
namespace {

/// Where a plan has what says who may read it; seen in TensorRT's plans, and what its own tools read.
constexpr size_t kHeaderBytes = 28, kVersionAt = 24;
constexpr uint32_t kTag = 0x74727466;

Shape shape_of(const nvinfer1::Dims& dims) { return Shape(dims.d, dims.d + std::max(dims.nbDims, 0)); }

Element element_of(const std::string& name, nvinfer1::DataType type) {
  switch (type) {
    case nvinfer1::DataType::kFLOAT: return Element::float32;
    case nvinfer1::DataType::kINT32: return Element::int32;
    case nvinfer1::DataType::kINT64: return Element::int64;
    case nvinfer1::DataType::kUINT8: return Element::uint8;
    default:
      throw Fault(FaultCode::unsupported, "the plan's " + name + ": float32, int32, int64 or uint8 expected, got type " +
                                              std::to_string(static_cast<int>(type)) + " of TensorRT's DataType");
  }
}

bool is_fixed(const Shape& shape) {
  return std::all_of(shape.begin(), shape.end(), [](int64_t side) { return side > 0; });
}

}  // namespace

void require_plan_of(const Version& version, std::span<const uint8_t> plan) {
  uint32_t tag = 0;
  if (plan.size() < kHeaderBytes)
    throw Fault(FaultCode::plan, "a plan has " + std::to_string(kHeaderBytes) + " bytes at least, this one " +
                                     std::to_string(plan.size()));
  std::memcpy(&tag, plan.data(), sizeof tag);
  if (tag != kTag) throw Fault(FaultCode::plan, "not a plan of TensorRT: it begins with other bytes");
  const uint8_t* from = plan.data() + kVersionAt;
  const Version made{from[0], from[1], from[2], from[3]};
  const bool same_build = !version.build || *version.build == *made.build;
  if (made.number() != version.number() || !same_build)
    throw Fault(FaultCode::plan, "a plan of TensorRT " + made.text() + ", but " + version.text() + " is loaded");
}

Engine::Engine(std::shared_ptr<const Library> library, std::shared_ptr<Device> device, std::span<const uint8_t> plan)
    : library_(std::move(library)),
      device_(std::move(device)),
      loaded_(std::make_unique<Loaded>()),
      device_bytes_(plan.size()) {
  require_plan_of(library_->version(), plan);
  device_->require();
  device_->make_current();
  deserialise(plan);
  read_bindings();
  read_profiles();
}

Engine::~Engine() {
  // Left to the process's end where freeing it would wait for a device that is lost.
  if (!device_->try_make_current()) static_cast<void>(loaded_.release());
}

void Engine::deserialise(std::span<const uint8_t> plan) {
  Listener listener;
  loaded_->runtime = library_->create_runtime();
  loaded_->runtime->setErrorRecorder(&loaded_->recorder);
  loaded_->engine.reset(loaded_->runtime->deserializeCudaEngine(plan.data(), plan.size()));
  if (!loaded_->engine)
    throw explain("TensorRT does not read the plan", listener, loaded_->recorder, FaultCode::plan);
  loaded_->engine->setErrorRecorder(&loaded_->recorder);
}

void Engine::read_bindings() {
  const nvinfer1::ICudaEngine& engine = *loaded_->engine;
  std::vector<Binding> outputs;
  for (int32_t index = 0; index < engine.getNbIOTensors(); index++) {
    const std::string name = engine.getIOTensorName(index);
    const bool is_input = engine.getTensorIOMode(name.c_str()) == nvinfer1::TensorIOMode::kINPUT;
    Binding binding{name, is_input, element_of(name, engine.getTensorDataType(name.c_str())),
                    shape_of(engine.getTensorShape(name.c_str()))};
    if (binding.shape.empty()) throw Fault(FaultCode::unsupported, "the plan's " + name + " has no rows: it is a scalar");
    (is_input ? inputs_ : outputs).push_back(std::move(binding));
  }
  const bool serves = !inputs_.empty() && outputs.size() == 1 && outputs[0].element == Element::float32 &&
                      outputs[0].shape.size() == 2 && outputs[0].shape[1] > 0;
  if (!serves) throw Fault(FaultCode::unsupported, "a plan with inputs and one output, float32 [rows, width], expected");
  output_ = std::move(outputs[0]);
}

void Engine::read_profiles() {
  const nvinfer1::ICudaEngine& engine = *loaded_->engine;
  const auto bound = [&](const Binding& input, int32_t profile, nvinfer1::OptProfileSelector which) {
    if (is_fixed(input.shape)) return input.shape;
    const Shape shape = shape_of(engine.getProfileShape(input.name.c_str(), profile, which));
    if (shape.size() == input.shape.size() && is_fixed(shape)) return shape;
    throw Fault(FaultCode::plan, "the plan's profile " + std::to_string(profile) + " has no shapes of " + input.name);
  };
  for (int32_t profile = 0; profile < engine.getNbOptimizationProfiles(); profile++) {
    std::vector<EngineProfile::Range> ranges;
    for (const Binding& input : inputs_)
      ranges.push_back({bound(input, profile, nvinfer1::OptProfileSelector::kMIN),
                        bound(input, profile, nvinfer1::OptProfileSelector::kOPT),
                        bound(input, profile, nvinfer1::OptProfileSelector::kMAX)});
    profiles_.emplace_back(std::move(ranges));
  }
  if (profiles_.empty()) throw Fault(FaultCode::plan, "the plan has no optimisation profile");
}

int64_t Engine::max_rows() const {
  int64_t most = 0;
  for (const EngineProfile& profile : profiles_) most = std::max(most, profile.max_rows());
  return most;
}

size_t Engine::scratch_bytes() const {
  int64_t most = 0;
  for (size_t profile = 0; profile < profiles_.size(); profile++)
    most = std::max(most, loaded_->engine->getDeviceMemorySizeForProfileV2(static_cast<int32_t>(profile)));
  return static_cast<size_t>(most);
}

}  // namespace clip::tensorrt
