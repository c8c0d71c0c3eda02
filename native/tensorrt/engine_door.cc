#include "engine_door.h"

#include <mutex>
#include <utility>
#include <vector>

#include "context_door.h"
#include "door.h"
#include "engine.h"
#include "environment.h"
#include "task.h"

namespace clip::tensorrt {
namespace {

/// The devices that are used, each once, so that all of its users know when it is lost. May be used by any thread.
class Devices {
 public:
  explicit Devices(std::shared_ptr<const Driver> driver) : driver_(std::move(driver)), devices_(driver_->devices().size()) {}

  std::shared_ptr<Device> get(size_t index) {
    const std::lock_guard lock(mutex_);
    if (index >= devices_.size())
      throw Fault(FaultCode::unsupported, "device " + std::to_string(index) + " is not there: the driver has " +
                                              std::to_string(devices_.size()));
    if (!devices_[index]) devices_[index] = std::make_shared<Device>(driver_, static_cast<int>(index));
    return devices_[index];
  }

 private:
  std::shared_ptr<const Driver> driver_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<Device>> devices_;
};

/// What JavaScript holds of an engine. The engine ends where it is closed; one that is forgotten ends with this.
struct Handle {
  struct Child {
    std::weak_ptr<ContextThread> thread;
    std::chrono::milliseconds hang;
  };

  std::shared_ptr<Environment> environment;
  std::shared_ptr<Engine> engine;  // null once it is closed
  std::vector<Child> contexts;
  Napi::Reference<Napi::Promise> closing;

  void add(const OpenContext& context) {
    std::erase_if(contexts, [](const Child& child) { return child.thread.expired(); });
    contexts.push_back({context.thread, context.hang});
  }
};

Napi::Array bindings_array(Napi::Env env, const Engine& engine) {
  std::vector<Binding> bindings = engine.inputs();
  bindings.push_back(engine.output());
  Napi::Array array = Napi::Array::New(env);
  for (const Binding& binding : bindings) {
    Napi::Array shape = Napi::Array::New(env);
    for (const int64_t side : binding.shape) shape.Set(shape.Length(), static_cast<double>(side));
    Napi::Object object = Napi::Object::New(env);
    object["name"] = binding.name;
    object["direction"] = binding.is_input ? "input" : "output";
    object["type"] = name_of(binding.element);
    object["shape"] = shape;
    array.Set(array.Length(), object);
  }
  return array;
}

Napi::Value start_context(const Napi::CallbackInfo& info, const std::shared_ptr<Handle>& handle) {
  const Context::Options options = read_options(info[0]);
  const auto work = [stay = handle->environment->stay(), handle = std::weak_ptr(handle), engine = handle->engine,
                     options]() -> Settle {
    if (!engine) throw Fault(FaultCode::failed, "the engine is closed");
    return [handle, context = open_context(engine, options)](Napi::Env env) -> Napi::Value {
      const auto owner = handle.lock();
      if (!owner || !owner->engine) throw Fault(FaultCode::failed, "the engine was closed meanwhile");
      owner->add(context);
      return context_object(env, owner->environment, context);
    };
  };
  return on_thread(info.Env(), "clip-tensorrt-context", {}, work);
}

Napi::Value close_engine(const Napi::CallbackInfo& info, Handle& handle) {
  if (handle.closing.IsEmpty()) {
    // At once, so that no run begins meanwhile.
    for (const Handle::Child& child : handle.contexts)
      if (const auto thread = child.thread.lock()) thread->end();
    auto work = [stay = handle.environment->stay(), contexts = std::move(handle.contexts),
                 engine = std::move(handle.engine)]() mutable -> Settle {
      for (const Handle::Child& child : contexts)
        if (const auto thread = child.thread.lock()) close_context(*thread, child.hang);
      engine.reset();
      return [](Napi::Env env) { return env.Undefined(); };
    };
    handle.closing = Napi::Persistent(on_thread(info.Env(), "clip-tensorrt-close", {}, std::move(work)));
  }
  return handle.closing.Value();
}

Napi::Value engine_object(Napi::Env env, const std::shared_ptr<Handle>& handle) {
  Napi::Object object = Napi::Object::New(env);
  object["bindings"] = bindings_array(env, *handle->engine);
  object["context"] =
      Napi::Function::New(env, [handle](const Napi::CallbackInfo& info) { return start_context(info, handle); }, "context");
  object["close"] =
      Napi::Function::New(env, [handle](const Napi::CallbackInfo& info) { return close_engine(info, *handle); }, "close");
  const auto device_bytes = [handle](const Napi::CallbackInfo& info) -> Napi::Value {
    const size_t bytes = handle->engine ? handle->engine->device_bytes() : 0;
    return Napi::Number::New(info.Env(), static_cast<double>(bytes));
  };
  object.DefineProperty(Napi::PropertyDescriptor::Accessor(env, object, "deviceBytes", device_bytes, napi_enumerable));
  return object;
}

/// (plan, device) → an engine.
struct Opener {
  std::shared_ptr<Environment> environment;
  std::shared_ptr<const Library> library;
  std::shared_ptr<Devices> devices;

  Napi::Value operator()(const Napi::CallbackInfo& info) const {
    if (info.Length() != 2 || !info[0].IsTypedArray() || !info[1].IsNumber() ||
        info[0].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array)
      throw Napi::TypeError::New(info.Env(), "open(plan: Uint8Array, device: number) expected");
    const auto plan = info[0].As<Napi::Uint8Array>();
    const std::span<const uint8_t> bytes(plan.Data(), plan.ByteLength());
    const size_t index = info[1].As<Napi::Number>().Uint32Value();
    const auto work = [stay = environment->stay(), opener = *this, bytes, index]() -> Settle {
      const auto engine = std::make_shared<Engine>(opener.library, opener.devices->get(index), bytes);
      return [environment = opener.environment, engine](Napi::Env env) {
        return engine_object(env, std::make_shared<Handle>(Handle{environment, engine, {}, {}}));
      };
    };
    return on_thread(info.Env(), "clip-tensorrt-open", {plan}, work);
  }
};

}  // namespace

void add_engine_door(Napi::Object tensor_rt, std::shared_ptr<const Library> library,
                     std::shared_ptr<const Driver> driver) {
  const Napi::Env env = tensor_rt.Env();
  const Opener opener{Environment::open(env), std::move(library), std::make_shared<Devices>(std::move(driver))};
  tensor_rt["open"] = Napi::Function::New(env, opener, "open");
}

}  // namespace clip::tensorrt
