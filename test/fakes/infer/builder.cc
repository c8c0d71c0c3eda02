#include "builder.h"

#include <chrono>
#include <thread>

#include "driver.h"

namespace fakes::infer {
namespace {

/// Bytes of a context's device memory for each row.
constexpr long long kScratch = 64;

bool is_dynamic(const Dims& shape) {
  for (int i = 0; i < shape.nbDims; i++)
    if (shape.d[i] < 0) return true;
  return false;
}

/// Whether min ≤ opt ≤ max and all agree with the network's fixed dimensions.
bool fits(const Range& range, const Dims& shape) {
  for (const Dims* dims : {&range.min, &range.opt, &range.max})
    if (dims->nbDims != shape.nbDims) return false;
  for (int i = 0; i < shape.nbDims; i++) {
    const auto min = range.min.d[i], opt = range.opt.d[i], max = range.max.d[i];
    if (min < 0 || min > opt || opt > max) return false;
    if (shape.d[i] >= 0 && (min != shape.d[i] || max != shape.d[i])) return false;
  }
  return true;
}

Port port_of(const ITensor& tensor, bool input) {
  return {tensor.getName(), input, tensor.getType(), tensor.getDimensions()};
}

}  // namespace

IOptimizationProfile* Builder::createOptimizationProfile() noexcept {
  profiles_.push_back(std::make_unique<OptimizationProfile>());
  return profiles_.back().get();
}

bool Builder::is_built(const Port& port, const Config& config) const {
  const bool computed =
      port.type == DataType::kFLOAT ||
      (port.input && (port.type == DataType::kUINT8 || port.type == DataType::kINT32 || port.type == DataType::kINT64));
  if (!computed)
    refuse("the fake computes no " + std::string(port.input ? "input" : "output") + " of the type of " + port.name);
  if (!port.input || !is_dynamic(port.shape)) return true;
  if (config.profiles().empty()) {
    fail(ErrorCode::kINVALID_ARGUMENT,
         "Network has dynamic or shape inputs, but no optimization profile has been defined.");
    return false;
  }
  for (const Profile& profile : config.profiles()) {
    const auto found = profile.find(port.name);
    if (found != profile.end() && fits(found->second, port.shape)) continue;
    fail(ErrorCode::kINVALID_CONFIG, "input " + port.name + " of shape " + words(port.shape) +
                                         " has no valid dimensions in an optimization profile");
    return false;
  }
  return true;
}

bool Builder::prepare(const Network& network, const Config& config, Plan& plan) const {
  for (int32_t i = 0; i < network.getNbInputs(); i++) plan.ports.push_back(port_of(*network.getInput(i), true));
  for (int32_t i = 0; i < network.getNbOutputs(); i++) plan.ports.push_back(port_of(*network.getOutput(i), false));
  if (network.getNbInputs() == 0 || network.getNbOutputs() == 0) {
    fail(ErrorCode::kINVALID_ARGUMENT, "Network must have at least one input and one output");
    return false;
  }
  for (const Port& port : plan.ports)
    if (!is_built(port, config)) return false;
  plan.profiles = config.profiles();
  if (plan.profiles.empty()) plan.profiles.emplace_back();
  plan.layers = network.layers();
  plan.scratch_per_row = knob("FAKE_SCRATCH", kScratch);
  return true;
}

bool Builder::step(const Network& network, IProgressMonitor* monitor, int32_t index) const {
  std::this_thread::sleep_for(std::chrono::milliseconds(knob("FAKE_STEP_MS")));
  if (reached("FAKE_BUILD_CRASH", index + 1)) std::abort();
  if (reached("FAKE_BUILD_STICKY", index + 1)) {
    Driver::get().make_sticky(700);  // an illegal address
    fail(ErrorCode::kINTERNAL_ERROR, "Cuda Runtime (an illegal memory access was encountered)");
    return false;
  }
  if (reached("FAKE_BUILD_OOM", index + 1)) {
    const std::string layer = network.layers().empty() ? "?" : network.layers().back();
    fail(ErrorCode::kFAILED_ALLOCATION,
         "Could not find any implementation for node {ForeignNode[" + layer + "]} due to insufficient workspace.");
    return false;
  }
  return !monitor || monitor->stepComplete("Timing graph nodes", index);
}

bool Builder::work(const Network& network, IProgressMonitor* monitor) const {
  const auto steps = static_cast<int32_t>(knob("FAKE_BUILD_STEPS", 3));
  if (monitor) monitor->phaseStart("Building engine", nullptr, 1);
  if (monitor) monitor->phaseStart("Timing graph nodes", "Building engine", steps);
  bool going = true;
  for (int32_t i = 0; going && i < steps; i++) going = step(network, monitor, i);
  if (monitor) monitor->phaseFinish("Timing graph nodes");
  if (monitor && going) going = monitor->stepComplete("Building engine", 0);
  if (monitor) monitor->phaseFinish("Building engine");
  return going;
}

IHostMemory* Builder::buildSerializedNetwork(INetworkDefinition& definition, IBuilderConfig& settings) noexcept {
  const auto& network = static_cast<const Network&>(definition);
  const auto& config = static_cast<const Config&>(settings);
  void* context = nullptr;
  if (Driver::get().context_get_current(&context) != 0 || !context) {
    fail(ErrorCode::kINVALID_STATE, "no CUDA context is current on this thread");
    return nullptr;
  }
  note("build begins");
  Plan plan;
  if (!prepare(network, config, plan) || !work(network, config.getProgressMonitor()) || knob("FAKE_PLAN_NULL")) {
    note("build fails");
    return nullptr;
  }
  if (config.getTimingCache()) static_cast<const TimingCache*>(config.getTimingCache())->serve();
  note("build ends");
  return new HostMemory(serialize(plan));
}

}  // namespace fakes::infer
