#include "build.h"

#include <algorithm>

#include "parse.h"

namespace clip::tensorrt {
namespace {

using nvinfer1::IBuilder;
using nvinfer1::IBuilderConfig;
using nvinfer1::INetworkDefinition;
using nvinfer1::ITimingCache;

/// One build: what is heard and recorded of it, and what stops it.
class Build {
 public:
  Build(const Library& library, Device& device, const BuildJob& job, const BuildHooks& hooks)
      : library_(library), device_(device), job_(job), hooks_(hooks), heard_(hooks.message) {}

  BuiltPlan run();

 private:
  void compile(BuiltPlan& built);
  std::unique_ptr<ITimingCache> use_timing_cache(IBuilderConfig& config) const;
  void configure(IBuilderConfig& config) const;
  void require_inputs(const INetworkDefinition& network) const;
  void add_profile(const Profile& shapes, IBuilder& builder, IBuilderConfig& config) const;
  std::string describe_layers(const nvinfer1::IHostMemory& plan);
  Fault cancelled() const;
  void require_not_cancelled() const;
  /// @throws Fault with all that is known of why
  [[noreturn]] void fail(const std::string& what) const;
  Fault judged(const Fault& fault) const;
  template <typename Object>
  std::unique_ptr<Object> require(Object* made, const char* what) const;

  const Library& library_;
  Device& device_;
  const BuildJob& job_;
  const BuildHooks& hooks_;
  Listener heard_;
  ErrorRecorder recorded_;
};

std::string in_brackets(const nvinfer1::Dims& dims) {
  std::string text;
  for (int32_t i = 0; i < dims.nbDims; i++) text += (i == 0 ? "" : ", ") + std::to_string(dims.d[i]);
  return '[' + text + ']';
}

nvinfer1::Dims dims_of(const std::vector<int64_t>& shape, const std::string& input) {
  nvinfer1::Dims dims{};
  if (shape.size() > static_cast<size_t>(nvinfer1::Dims::MAX_DIMS))
    throw Fault(FaultCode::failed, input + ": at most " + std::to_string(nvinfer1::Dims::MAX_DIMS) +
                                       " dimensions expected, got " + std::to_string(shape.size()));
  dims.nbDims = static_cast<int32_t>(shape.size());
  std::copy(shape.begin(), shape.end(), dims.d);
  return dims;
}

Fault Build::cancelled() const { return {FaultCode::cancelled, "the build of " + job_.path + " was cancelled"}; }

void Build::require_not_cancelled() const {
  if (hooks_.cancelled) throw cancelled();
}

void Build::fail(const std::string& what) const { throw explain(what, heard_, recorded_); }

/// What a fault is once it is known whether the build was cancelled, and whether the device is lost: TensorRT's CUDA runtime and
/// the driver share the context, so that an error that stays in it shows on any of its streams.
Fault Build::judged(const Fault& fault) const {
  if (hooks_.cancelled) return cancelled();
  const Driver& driver = device_.driver();
  const CudaResult state = driver.stream_query(nullptr);
  if (!is_sticky(state)) return fault;
  const Fault sticky(FaultCode::sticky, std::string(fault.what()) + "; " + driver.words(state));
  device_.lose(sticky);
  return sticky;
}

template <typename Object>
std::unique_ptr<Object> Build::require(Object* made, const char* what) const {
  if (!made) fail(std::string("TensorRT gives no ") + what);
  return std::unique_ptr<Object>(made);
}

/// Dynamic inputs that no profile names would only be found after minutes, and names of no input never.
void Build::require_inputs(const INetworkDefinition& network) const {
  std::vector<std::string> names;
  for (int32_t i = 0; i < network.getNbInputs(); i++) {
    const nvinfer1::ITensor& input = *network.getInput(i);
    const nvinfer1::Dims shape = input.getDimensions();
    names.emplace_back(input.getName());
    const bool dynamic = std::any_of(shape.d, shape.d + std::max(shape.nbDims, 0), [](int64_t side) { return side < 0; });
    const auto names_it = [&](const Profile& profile) { return profile.count(names.back()) > 0; };
    if (dynamic && (job_.profiles.empty() || !std::all_of(job_.profiles.begin(), job_.profiles.end(), names_it)))
      throw Fault(FaultCode::failed, job_.path + ": input " + names.back() + ' ' + in_brackets(shape) +
                                         " is dynamic, and a profile gives no shapes for it");
  }
  for (const Profile& profile : job_.profiles)
    for (const auto& [name, shapes] : profile)
      if (std::find(names.begin(), names.end(), name) == names.end())
        throw Fault(FaultCode::failed, job_.path + ": a profile gives shapes for " + name + ", which is no input of it");
}

void Build::add_profile(const Profile& shapes, IBuilder& builder, IBuilderConfig& config) const {
  using Selector = nvinfer1::OptProfileSelector;
  nvinfer1::IOptimizationProfile* profile = builder.createOptimizationProfile();  // the builder's
  if (!profile) fail("TensorRT gives no profile");
  for (const auto& [name, range] : shapes)
    for (const auto& [selector, shape] : {std::pair{Selector::kMIN, &range.min},
                                          std::pair{Selector::kOPT, &range.opt},
                                          std::pair{Selector::kMAX, &range.max}})
      if (const nvinfer1::Dims dims = dims_of(*shape, name); !profile->setDimensions(name.c_str(), selector, dims))
        fail("TensorRT does not take " + in_brackets(dims) + " as a shape of " + name + " in a profile");
  if (config.addOptimizationProfile(profile) < 0) fail("TensorRT does not take a profile");
}

void Build::configure(IBuilderConfig& config) const {
  config.setMemoryPoolLimit(nvinfer1::MemoryPoolType::kWORKSPACE, job_.workspace_bytes);
  config.setBuilderOptimizationLevel(job_.optimisation_level);
  // Contexts overlap; streams of their own within one would compete with the others.
  static_cast<void>(config.setMaxAuxStreams(0));
  config.setProfilingVerbosity(nvinfer1::ProfilingVerbosity::kDETAILED);
  if (job_.tf32)
    config.setFlag(nvinfer1::BuilderFlag::kTF32);
  else
    config.clearFlag(nvinfer1::BuilderFlag::kTF32);
}

/// A cache of another library or device is left aside, not forced: its timings would choose wrongly.
std::unique_ptr<ITimingCache> Build::use_timing_cache(IBuilderConfig& config) const {
  if (!job_.timing_cache.empty()) {
    std::unique_ptr<ITimingCache> given(config.createTimingCache(job_.timing_cache.data(), job_.timing_cache.size()));
    if (given && config.setTimingCache(*given, false)) return given;
    if (hooks_.message) hooks_.message(false, "the timing cache does not fit this library and device; all is timed anew");
  }
  auto empty = require(config.createTimingCache(nullptr, 0), "timing cache");
  if (!config.setTimingCache(*empty, false)) fail("TensorRT does not take an empty timing cache");
  return empty;
}

uint32_t network_flags() {
#if NV_TENSORRT_MAJOR == 10
  return 1U << static_cast<uint32_t>(nvinfer1::NetworkDefinitionCreationFlag::kSTRONGLY_TYPED);
#else
  return 0;  // there is no other kind
#endif
}

void Build::compile(BuiltPlan& built) {
  // Outlives the builder, as TensorRT wants it, and so does the monitor.
  std::unique_ptr<ITimingCache> cache;
  Progress progress(hooks_.progress, hooks_.cancelled);
  const auto builder = library_.create_builder();
  builder->setErrorRecorder(&recorded_);
  const auto network = require(builder->createNetworkV2(network_flags()), "network");
  network->setErrorRecorder(&recorded_);
  parse_onnx(library_, job_.path, *network, heard_, recorded_);
  require_inputs(*network);
  require_not_cancelled();
  const auto config = require(builder->createBuilderConfig(), "configuration");
  configure(*config);
  cache = use_timing_cache(*config);
  for (const Profile& shapes : job_.profiles) add_profile(shapes, *builder, *config);
  config->setProgressMonitor(&progress);
  built.plan = require(builder->buildSerializedNetwork(*network, *config), "plan");
  require_not_cancelled();
  built.timing_cache = require(cache->serialize(), "timing cache's bytes");
}

std::string Build::describe_layers(const nvinfer1::IHostMemory& plan) {
  const auto runtime = library_.create_runtime();
  runtime->setErrorRecorder(&recorded_);
  const auto engine = require(runtime->deserializeCudaEngine(plan.data(), plan.size()), "engine of the plan that it built");
  const auto inspector = require(engine->createEngineInspector(), "inspector");
  inspector->setErrorRecorder(&recorded_);
  const char* text = inspector->getEngineInformation(nvinfer1::LayerInformationFormat::kJSON);
  if (!text) fail("TensorRT gives no description of the layers");
  return text;
}

BuiltPlan Build::run() try {
  require_not_cancelled();
  device_.require();
  device_.make_current();
  BuiltPlan built;
  compile(built);
  built.layers = describe_layers(*built.plan);
  require_not_cancelled();
  return built;
} catch (const Fault& fault) {
  throw judged(fault);
}

}  // namespace

BuiltPlan build(const Library& library, Device& device, const BuildJob& job, const BuildHooks& hooks) {
  return Build(library, device, job, hooks).run();
}

}  // namespace clip::tensorrt
