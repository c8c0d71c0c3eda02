/// mistakes WHICH MODEL.onnx: a mistake that a program could make with TensorRT or CUDA, and what the fakes say of it.
#include <NvInfer.h>
#include <NvOnnxParser.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

using namespace nvinfer1;
using Address = unsigned long long;

extern "C" {
int cuInit(unsigned);
int cuDeviceGet(int*, int);
int cuDevicePrimaryCtxRetain(void**, int);
int cuCtxSetCurrent(void*);
int cuStreamCreate(void**, unsigned);
int cuStreamSynchronize(void*);
int cuStreamBeginCapture_v2(void*, int);
int cuMemAlloc_v2(Address*, size_t);
int cuMemFree_v2(Address);
int cuMemAllocHost_v2(void**, size_t);
int cuMemcpyHtoDAsync_v2(Address, const void*, size_t, void*);
int cuMemcpyDtoHAsync_v2(void*, Address, size_t, void*);
}

namespace {

constexpr int64_t kRows = 2, kColumns = 77, kWidth = 32;
constexpr size_t kInput = kRows * kColumns * sizeof(int32_t), kOutput = kRows * kWidth * sizeof(float);

class Quiet : public ILogger {
  void log(Severity, const char*) noexcept override {}
};

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "mistakes: %s\n", what);
  std::exit(3);
}

/// What a correct program has, up to the point where it goes wrong. Nothing is given back: the process ends.
struct Program {
  Quiet logger;
  std::unique_ptr<IRuntime> runtime;
  std::unique_ptr<ICudaEngine> engine;
  std::unique_ptr<IExecutionContext> context = nullptr;
  void* stream = nullptr;
  Address input = 0, output = 0, scratch = 0;
  void *host_input = nullptr, *host_output = nullptr;

  explicit Program(const char* model) {
    int device = 0;
    void* primary = nullptr;
    require(cuInit(0) == 0 && cuDeviceGet(&device, 0) == 0 && cuDevicePrimaryCtxRetain(&primary, device) == 0 &&
                cuCtxSetCurrent(primary) == 0 && cuStreamCreate(&stream, 1) == 0,
            "no device");
    require(cuMemAlloc_v2(&input, kInput) == 0 && cuMemAlloc_v2(&output, kOutput) == 0 &&
                cuMemAllocHost_v2(&host_input, kInput) == 0 && cuMemAllocHost_v2(&host_output, kOutput) == 0,
            "no memory");
    std::memset(host_input, 0, kInput);
    open(model);
    require(cuMemAlloc_v2(&scratch, static_cast<size_t>(engine->getDeviceMemorySizeV2())) == 0, "no scratch");
    context = new_context();
  }

  void open(const char* model) {
    const std::unique_ptr<IBuilder> builder(createInferBuilder(logger));
    const std::unique_ptr<INetworkDefinition> network(
        builder->createNetworkV2(1u << static_cast<unsigned>(NetworkDefinitionCreationFlag::kSTRONGLY_TYPED)));
    const std::unique_ptr<nvonnxparser::IParser> parser(nvonnxparser::createParser(*network, logger));
    require(parser->parseFromFile(model, 0), "not parsed");
    const std::unique_ptr<IBuilderConfig> config(builder->createBuilderConfig());
    IOptimizationProfile* profile = builder->createOptimizationProfile();
    profile->setDimensions("input_ids", OptProfileSelector::kMIN, Dims{2, {1, kColumns}});
    profile->setDimensions("input_ids", OptProfileSelector::kOPT, Dims{2, {kRows, kColumns}});
    profile->setDimensions("input_ids", OptProfileSelector::kMAX, Dims{2, {kRows, kColumns}});
    config->addOptimizationProfile(profile);
    const std::unique_ptr<IHostMemory> plan(builder->buildSerializedNetwork(*network, *config));
    require(plan != nullptr, "not built");
    runtime.reset(createInferRuntime(logger));
    engine.reset(runtime->deserializeCudaEngine(plan->data(), plan->size()));
  }

  std::unique_ptr<IExecutionContext> new_context() {
    std::unique_ptr<IExecutionContext> made(
        engine->createExecutionContext(ExecutionContextAllocationStrategy::kUSER_MANAGED));
    made->setDeviceMemoryV2(reinterpret_cast<void*>(scratch), engine->getDeviceMemorySizeV2());
    made->setTensorAddress("input_ids", reinterpret_cast<void*>(input));
    made->setTensorAddress("output", reinterpret_cast<void*>(output));
    require(made->setInputShape("input_ids", Dims{2, {kRows, kColumns}}), "no shape");
    return made;
  }

  bool enqueue() { return context->enqueueV3(static_cast<cudaStream_t>(stream)); }
  int upload() { return cuMemcpyHtoDAsync_v2(input, host_input, kInput, stream); }
  int download() { return cuMemcpyDtoHAsync_v2(host_output, output, kOutput, stream); }
  float first() const { return *static_cast<const float*>(host_output); }
};

/// A number for the test to compare: a result of CUDA's, or whether a call was taken.
double make(const std::string& which, Program& program) {
  if (which == "none")
    return program.upload(), program.enqueue(), program.download(), cuStreamSynchronize(program.stream),
           program.first();
  if (which == "no upload")
    return program.enqueue(), program.download(), cuStreamSynchronize(program.stream), program.first();
  if (which == "no wait") return program.upload(), program.enqueue(), program.download(), program.first();
  if (which == "freed early")
    return program.enqueue(), cuMemFree_v2(program.output), cuStreamSynchronize(program.stream);
  if (which == "pageable") {
    const std::vector<char> pageable(kInput);
    return cuMemcpyHtoDAsync_v2(program.input, pageable.data(), kInput, program.stream);
  }
  if (which == "read on the host") return *reinterpret_cast<const float*>(program.output);
  if (which == "wrong order") return program.engine.reset(), 0;
  if (which == "deleted early") return program.enqueue(), program.context.reset(), cuStreamSynchronize(program.stream);
  if (which == "common scratch") {
    void* second = nullptr;
    cuStreamCreate(&second, 1);
    const auto other = program.new_context();
    program.enqueue();
    other->enqueueV3(static_cast<cudaStream_t>(second));
    cuStreamSynchronize(second);
    return cuStreamSynchronize(program.stream);
  }
  require(cuStreamBeginCapture_v2(program.stream, 1) == 0, "no capture");
  if (which == "captured at once") return program.enqueue();
  if (which == "allocation in a capture") return cuMemAlloc_v2(&program.input, 1);
  if (which == "wait in a capture") return cuStreamSynchronize(program.stream);
  require(false, "no such mistake");
  return 0;
}

}  // namespace

int main(int, char** arguments) {
  Program program(arguments[2]);
  std::printf("%g\n", make(arguments[1], program));
  std::fflush(stdout);
  std::_Exit(0);
}
