// The module of one major of TensorRT as JavaScript sees it.

#include <exception>
#include <utility>

#include "arguments.h"
#include "build_door.h"
#include "cuda.h"
#include "door.h"
#include "engine_door.h"
#include "javascript.h"
#include "library.h"
#include "pixels_door.h"

namespace {

using clip::tensorrt::Driver;
using clip::tensorrt::Library;

Napi::Object describe(Napi::Env env, const Driver& driver, const clip::tensorrt::DeviceInfo& device) {
  Napi::Object object = Napi::Object::New(env);
  object["name"] = device.name;
  object["computeCapability"] = std::to_string(device.major) + '.' + std::to_string(device.minor);
  object["multiprocessors"] = Napi::Number::New(env, device.multiprocessors);
  object["memoryBytes"] = Napi::Number::New(env, static_cast<double>(device.memory_bytes));
  object["uuid"] = device.uuid;
  object["driverVersion"] = Napi::Number::New(env, driver.version());
  return object;
}

/// ({infer, parser}: names or paths of the libraries, '' for no parser) → what can be done with them.
Napi::Value load(const Napi::CallbackInfo& info) try {
  const Napi::Env env = info.Env();
  const clip::Arguments names(info);
  // First, for without a device TensorRT must not be called.
  const auto driver = Driver::open();
  const auto library = Library::open(*driver, {names.text("infer"), names.text("parser")});
  Napi::Array devices = Napi::Array::New(env);
  for (const auto& device : driver->devices()) devices.Set(devices.Length(), describe(env, *driver, device));
  Napi::Object loaded = Napi::Object::New(env);
  loaded["version"] = library->version().text();
  loaded["devices"] = devices;
  loaded["build"] = Napi::Function::New(
      env, [driver, library](const Napi::CallbackInfo& call) { return start_build(call, driver, library); }, "build");
  clip::tensorrt::add_engine_door(loaded, library, driver);
  clip::tensorrt::add_pixels_door(loaded, driver);
  return loaded;
} catch (...) {
  throw clip::tensorrt::error_of(info.Env(), std::current_exception());
}

Napi::Object start(Napi::Env env, Napi::Object exports) {
  exports["headers"] = Library::headers().text();
  exports["load"] = Napi::Function::New(env, load, "load");
  return exports;
}

}  // namespace

NODE_API_MODULE(NODE_GYP_MODULE_NAME, start)
