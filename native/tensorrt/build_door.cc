#include "build_door.h"

#include <atomic>
#include <utility>
#include <vector>

#include "arguments.h"
#include "build.h"
#include "build_calls.h"
#include "task.h"

namespace clip::tensorrt {
namespace {

/// CUDA numbers devices from 0; this is only what an index may be, not how many there are.
constexpr int64_t kMostDevices = 1024;
constexpr int64_t kMostBytes = int64_t{1} << 50;

Napi::Object object_at(const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  if (!value.IsObject()) throw Napi::TypeError::New(object.Env(), std::string(name) + ": an object expected");
  return value.As<Napi::Object>();
}

Napi::Function function_at(const Napi::CallbackInfo& info, size_t index, const char* name) {
  if (!info[index].IsFunction()) throw Napi::TypeError::New(info.Env(), std::string(name) + ": a function expected");
  return info[index].As<Napi::Function>();
}

std::vector<int64_t> shape_at(const Napi::Object& range, const char* name) {
  const Napi::Value given = range.Get(name);
  if (!given.IsArray()) throw Napi::TypeError::New(range.Env(), std::string(name) + ": an array of sides expected");
  const Napi::Array sides = given.As<Napi::Array>();
  std::vector<int64_t> shape;
  for (uint32_t i = 0; i < sides.Length(); i++) {
    const Napi::Value side = sides.Get(i);
    if (!side.IsNumber()) throw Napi::TypeError::New(range.Env(), std::string(name) + ": numbers expected");
    shape.push_back(side.As<Napi::Number>().Int64Value());
  }
  return shape;
}

Profile profile_of(const Napi::Object& given) {
  Profile profile;
  const Napi::Array names = given.GetPropertyNames();
  for (uint32_t i = 0; i < names.Length(); i++) {
    const std::string name = names.Get(i).ToString();
    const Napi::Object range = object_at(given, name.c_str());
    profile[name] = {shape_at(range, "min"), shape_at(range, "opt"), shape_at(range, "max")};
  }
  return profile;
}

BuildJob job_of(const Napi::Object& given) {
  const Arguments fields(given);
  BuildJob job;
  job.path = fields.text("path");
  job.device = static_cast<int>(fields.integer("device", 0, kMostDevices));
  job.workspace_bytes = static_cast<size_t>(fields.integer("workspaceBytes", 0, kMostBytes));
  job.optimisation_level = static_cast<int>(fields.integer("optimisationLevel", 0, 5));
  job.tf32 = fields.boolean("tf32");
  if (!given.Get("profiles").IsArray()) throw Napi::TypeError::New(given.Env(), "profiles: an array expected");
  const Napi::Array profiles = given.Get("profiles").As<Napi::Array>();
  for (uint32_t i = 0; i < profiles.Length(); i++) {
    const Napi::Value profile = profiles.Get(i);
    if (!profile.IsObject()) throw Napi::TypeError::New(given.Env(), "profiles: objects expected");
    job.profiles.push_back(profile_of(profile.As<Napi::Object>()));
  }
  if (fields.has("timingCache")) {
    // Copied, for the caller may change it and it is a few MB.
    const Napi::Uint8Array bytes = fields.bytes("timingCache");
    job.timing_cache.assign(bytes.Data(), bytes.Data() + bytes.ByteLength());
  }
  return job;
}

/// Without a copy: a plan has the weights' size, and TensorRT's memory lives until the array is collected.
Napi::Value array_of(Napi::Env env, std::unique_ptr<nvinfer1::IHostMemory>& memory) {
  const size_t size = memory->size();
  nvinfer1::IHostMemory* const owned = memory.get();
  const auto free = [](Napi::Env, void*, nvinfer1::IHostMemory* mine) { delete mine; };
  const auto buffer = Napi::ArrayBuffer::New(env, memory->data(), size, free, owned);
  memory.release();
  return Napi::Uint8Array::New(env, size, buffer, 0);
}

Napi::Value object_of(Napi::Env env, BuiltPlan& built) {
  Napi::Object object = Napi::Object::New(env);
  object["plan"] = array_of(env, built.plan);
  object["timingCache"] = array_of(env, built.timing_cache);
  object["layers"] = Napi::String::New(env, built.layers);
  return object;
}

}  // namespace

Napi::Value start_build(const Napi::CallbackInfo& info, std::shared_ptr<const Driver> driver,
                        std::shared_ptr<const Library> library) {
  const Napi::Env env = info.Env();
  if (!info[0].IsObject()) throw Napi::TypeError::New(env, "job: an object expected");
  const BuildJob job = job_of(info[0].As<Napi::Object>());
  const auto calls = BuildCalls::open(function_at(info, 1, "onProgress"), function_at(info, 2, "onMessage"));
  const auto cancelled = std::make_shared<std::atomic<bool>>(false);

  const auto work = [job, calls, cancelled, driver, library]() -> Settle {
    const BuildHooks hooks{
        [&](const std::string& phase, int done, int total) { calls->progress(phase, done, total); },
        [&](bool error, const std::string& text) { calls->message(error, text); }, *cancelled};
    const auto built = std::make_shared<BuiltPlan>();
    std::exception_ptr thrown;
    try {
      Device device(driver, job.device);
      *built = build(*library, device, job, hooks);
    } catch (...) {
      thrown = std::current_exception();
    }
    return [built, thrown, calls](Napi::Env env) {
      calls->finish(env);
      if (thrown) std::rethrow_exception(thrown);
      return object_of(env, *built);
    };
  };

  Napi::Object started = Napi::Object::New(env);
  started["result"] = on_thread(env, "TensorRT build", {}, work);
  started["cancel"] = Napi::Function::New(env, [cancelled](const Napi::CallbackInfo&) { *cancelled = true; }, "cancel");
  return started;
}

}  // namespace clip::tensorrt
