#include "builder.h"
#include "driver.h"
#include "engine.h"

namespace fakes::infer {
namespace {

/// What a factory gives without a device: a null that a member's offset was added to.
constexpr uintptr_t kNearNull = 0x238;

std::string where(const char* factory, const char* text) { return std::string(factory) + ": Error Code 6: " + text; }

void say(void* logger, const std::string& text) {
  static_cast<ILogger*>(logger)->log(ILogger::Severity::kERROR, text.c_str());
}

}  // namespace

int version_number() {
  return static_cast<int>(
      knob("FAKE_VERSION", NV_TENSORRT_MAJOR * 10000 + NV_TENSORRT_MINOR * 100 + NV_TENSORRT_PATCH));
}
int build_number() { return static_cast<int>(knob("FAKE_BUILD", NV_TENSORRT_BUILD)); }

std::atomic<int>& live() {
  static std::atomic<int> count{0};
  return count;
}

}  // namespace fakes::infer

using namespace fakes::infer;

extern "C" {

int32_t getInferLibVersion() noexcept { return version_number(); }
int32_t getInferLibMajorVersion() noexcept { return version_number() / 10000; }
int32_t getInferLibMinorVersion() noexcept { return version_number() / 100 % 100; }
int32_t getInferLibPatchVersion() noexcept { return version_number() % 100; }
int32_t getInferLibBuildVersion() noexcept { return build_number(); }

void* createInferRuntime_INTERNAL(void* logger, int32_t) noexcept {
  if (Driver::open() && !fakes::knob("FAKE_RUNTIME_NULL"))
    return static_cast<IRuntime*>(new Runtime(static_cast<ILogger*>(logger)));
  say(logger, where("createInferRuntime", "API Usage Error (CUDA initialization failure with error: 35)"));
  return reinterpret_cast<void*>(kNearNull);
}

void* createInferBuilder_INTERNAL(void* logger, int32_t) noexcept {
  const bool device = Driver::open() != nullptr;
  if (device && !fakes::knob("FAKE_BUILDER_NULL"))
    return static_cast<IBuilder*>(new Builder(static_cast<ILogger*>(logger)));
  // 10.6 throws through its own noexcept.
  if (!device && version_number() / 100 <= 1006) fakes::refuse("a builder was asked for without a device");
  say(logger,
      where("createInferBuilder",
            "API Usage Error (CUDA initialization failure with error: 35. Please check your CUDA installation.)"));
  return nullptr;
}

/// Objects that were made and not deleted.
int fake_infer_live() { return live(); }
}
