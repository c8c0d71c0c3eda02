#include "library.h"

#include <dlfcn.h>

#include "cuda.h"

namespace clip::tensorrt {
namespace {

/// The oldest version whose slots this module calls, and the one of 10.x whose slots are others.
constexpr int kOldest = 100300, kAstrayFrom = 100800, kAstrayTo = 100900;

/// A factory that fails may give out a null to which a member's offset was added (0x238 was seen); below this nothing is mapped.
constexpr uintptr_t kLeastAddress = 65536;

[[noreturn]] void refuse(const std::string& why) { throw Fault(FaultCode::unsupported, why); }

std::string last_error() {
  const char* words = dlerror();
  return words ? words : "the loader gives no reason";
}

void* load(const std::string& name) {
  void* handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) refuse("TensorRT does not load: " + last_error());
  return handle;
}

template <typename Function>
Function* find(void* handle, const std::string& library, const char* name) {
  void* function = dlsym(handle, name);
  if (!function) refuse(library + " is not TensorRT's: it has no " + name);
  return reinterpret_cast<Function*>(function);
}

/// The loaded libraries keep the logger, so its code has to stay when Node unloads the module with the last thread that uses it.
void keep_this_module() {
  Dl_info info{};
  if (!dladdr(reinterpret_cast<void*>(&keep_this_module), &info) ||
      !dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE))
    refuse("the module cannot be kept loaded: " + last_error());
}

Version version_of(void* handle, const std::string& library) {
  const int number = find<int32_t()>(handle, library, "getInferLibVersion")();
  // 8.x and older count with 1000 and 100.
  Version version = number < 10000 ? Version{number / 1000, number / 100 % 10, number % 100, {}}
                                   : Version{number / 10000, number / 100 % 100, number % 100, {}};
  const auto build = reinterpret_cast<int32_t (*)()>(dlsym(handle, "getInferLibBuildVersion"));
  if (build && version.major == NV_TENSORRT_MAJOR) version.build = build();
  return version;
}

/// The library's interfaces are called by their slots: those of another major are others, and nothing there would say so.
void require_slots_of(const Version& version, const std::string& library) {
  const std::string found = library + " is TensorRT " + version.text();
  const int number = version.number();
  if (version.major != NV_TENSORRT_MAJOR)
    refuse(found + ", and this module is for TensorRT " + std::to_string(NV_TENSORRT_MAJOR));
  if (number < kOldest) refuse(found + ": 10.3 or newer is needed");
  if (number >= kAstrayFrom && number < kAstrayTo)
    refuse(found + ", whose network interface differs from all of 10.x: any other from 10.3 will do");
}

/// In the words of a library that was made with a newer CUDA than the driver's.
bool wants_newer_driver(const std::string& words) {
  const auto says = [&](const char* part) { return words.find(part) != std::string::npos; };
  return says("CUDA initialization failure with error: 35") || says("driver version is insufficient");
}

template <typename Interface>
std::unique_ptr<Interface> owned(void* made, const char* what, const Listener& heard, const std::string& old_driver) {
  if (reinterpret_cast<uintptr_t>(made) >= kLeastAddress)
    return std::unique_ptr<Interface>(static_cast<Interface*>(made));
  const Fault fault = explain(std::string("TensorRT gives no ") + what, heard, {}, FaultCode::unsupported);
  if (!wants_newer_driver(fault.what())) throw fault;
  throw Fault(fault.code(), fault.what() + std::string("; ") + old_driver + ", or TensorRT for this one's CUDA");
}

}  // namespace

std::string Version::text() const {
  std::string text = std::to_string(major) + '.' + std::to_string(minor) + '.' + std::to_string(patch);
  if (build) text += '.' + std::to_string(*build);
  return text;
}

Version Library::headers() {
  return {NV_TENSORRT_MAJOR, NV_TENSORRT_MINOR, NV_TENSORRT_PATCH, NV_TENSORRT_BUILD};
}

std::shared_ptr<const Library> Library::open(const Driver& driver, const Names& names) {
  keep_this_module();
  void* infer = load(names.infer);
  const std::shared_ptr<Library> library(new Library);
  library->version_ = version_of(infer, names.infer);
  require_slots_of(library->version_, names.infer);
  library->create_runtime_ = find<Factory>(infer, names.infer, "createInferRuntime_INTERNAL");
  library->create_builder_ = find<Factory>(infer, names.infer, "createInferBuilder_INTERNAL");
  library->old_driver_ = driver.too_old();
  library->find_parser(names.parser);
  return library;
}

void Library::find_parser(const std::string& name) try {
  if (name.empty()) refuse("none was asked for");
  create_parser_ = find<ParserFactory>(load(name), name, "createNvOnnxParser_INTERNAL");
} catch (const Fault& fault) {
  no_parser_ = fault.what();
}

std::unique_ptr<nvinfer1::IRuntime> Library::create_runtime() const {
  const Listener heard;
  return owned<nvinfer1::IRuntime>(create_runtime_(&Logger::of_process(), NV_TENSORRT_VERSION), "runtime", heard,
                                   old_driver_);
}

std::unique_ptr<nvinfer1::IBuilder> Library::create_builder() const {
  if (!create_parser_) refuse("without TensorRT's ONNX parser plans can be run, not built: " + no_parser_);
  const Listener heard;
  return owned<nvinfer1::IBuilder>(create_builder_(&Logger::of_process(), NV_TENSORRT_VERSION), "builder", heard,
                                   old_driver_);
}

std::unique_ptr<nvonnxparser::IParser> Library::create_parser(nvinfer1::INetworkDefinition& network) const {
  const Listener heard;
  return owned<nvonnxparser::IParser>(create_parser_(&network, &Logger::of_process(), NV_ONNX_PARSER_VERSION),
                                      "ONNX parser", heard, old_driver_);
}

}  // namespace clip::tensorrt
