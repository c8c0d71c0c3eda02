#include "context_door.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "door.h"
#include "feeds.h"
#include "task.h"

namespace clip::tensorrt {
namespace {

using Clock = std::chrono::steady_clock;

/// What a thread may take: beyond a run's bound there are copies, a capture, and giving memory back.
std::chrono::milliseconds with_margin(std::chrono::milliseconds hang) {
  constexpr std::chrono::milliseconds kLeast{2000};
  return hang + std::max(hang, kLeast);
}

/// What JavaScript holds of a context.
struct Handle {
  std::shared_ptr<Environment> environment;
  OpenContext context;
  std::shared_ptr<std::atomic<bool>> busy;
  Napi::Reference<Napi::Promise> closing;
};

Napi::Value rejected(Napi::Env env) {
  const auto deferred = Napi::Promise::Deferred::New(env);
  deferred.Reject(error_of(env, std::current_exception()).Value());
  return deferred.Promise();
}

/// The float32 array that takes the result.
Napi::Float32Array room_for(Napi::Env env, const OpenContext& context, const Feed& first) {
  const int64_t rows = first.shape.front(), most = context.max_rows;
  if (rows < 1 || rows > most)
    throw Fault(FaultCode::shape, "feed " + first.name + ": 1 to " + std::to_string(most) + " rows expected, got " +
                                      std::to_string(rows));
  return Napi::Float32Array::New(env, static_cast<size_t>(rows) * context.width);
}

Napi::Value run(const Napi::CallbackInfo& info, Handle& handle) try {
  const Napi::Env env = info.Env();
  const OpenContext& context = handle.context;
  context.thread->device()->require();
  if (!handle.closing.IsEmpty()) throw Fault(FaultCode::failed, "the context is closed");
  Napi::Array lent = Napi::Array::New(env);
  std::vector<Feed> feeds = read_feeds(info[0], lent);
  Napi::Float32Array result = room_for(env, context, feeds.front());
  if (handle.busy->exchange(true)) throw Fault(FaultCode::failed, "a run is in flight: a context has one at a time");
  const Environment::Ticket ticket = handle.environment->promise(result, lent);
  handle.environment->settle_within(ticket.id, with_margin(context.hang), context.thread->device());
  const bool posted = context.thread->post([environment = handle.environment, busy = handle.busy, id = ticket.id,
                                            out = result.Data(), feeds = std::move(feeds)](Context& context) {
    std::exception_ptr thrown;
    try {
      context.run(feeds, out);
    } catch (...) {
      thrown = std::current_exception();
    }
    busy->store(false);
    environment->settle(id, thrown);
    if (!thrown) context.capture_if_due();
  });
  if (!posted) {
    const Fault closed(FaultCode::failed, "the context's engine is closed");
    handle.environment->settle(ticket.id, std::make_exception_ptr(closed));
  }
  return ticket.promise;
} catch (...) {
  return rejected(info.Env());
}

Napi::Value close(const Napi::CallbackInfo& info, Handle& handle) {
  if (handle.closing.IsEmpty()) {
    const auto work = [stay = handle.environment->stay(), thread = handle.context.thread,
                       hang = handle.context.hang]() -> Settle {
      close_context(*thread, hang);
      return [](Napi::Env env) { return env.Undefined(); };
    };
    handle.context.thread->end();
    handle.closing = Napi::Persistent(on_thread(info.Env(), "clip-tensorrt-close-context", {}, work));
  }
  return handle.closing.Value();
}

Napi::Value graphs_object(const Napi::CallbackInfo& info, const GraphReport& report) {
  const Napi::Env env = info.Env();
  const GraphReport::Figures figures = report.figures();
  Napi::Array refused = Napi::Array::New(env);
  for (const std::string& why : figures.refused) refused.Set(refused.Length(), why);
  Napi::Object object = Napi::Object::New(env);
  object["captured"] = Napi::Number::New(env, static_cast<double>(figures.captured));
  object["launched"] = Napi::Number::New(env, static_cast<double>(figures.launched));
  object["refused"] = refused;
  return object;
}

}  // namespace

Context::Options read_options(const Napi::Value& options) {
  const auto wrong = [&] {
    return Napi::TypeError::New(options.Env(), "context({graphs: boolean, hangMs: number above 0}) expected");
  };
  if (!options.IsObject()) throw wrong();
  const auto object = options.As<Napi::Object>();
  const Napi::Value graphs = object.Get("graphs"), hang = object.Get("hangMs");
  if (!graphs.IsBoolean() || !hang.IsNumber()) throw wrong();
  const double milliseconds = hang.As<Napi::Number>().DoubleValue();
  if (!(milliseconds > 0 && milliseconds < 1e9)) throw wrong();
  return {graphs.As<Napi::Boolean>().Value(), std::chrono::milliseconds(static_cast<int64_t>(milliseconds))};
}

OpenContext open_context(const std::shared_ptr<Engine>& engine, Context::Options options) {
  auto context = std::make_unique<Context>(engine, options);
  auto graphs = context->graph_report();
  return {engine->max_rows(), engine->width(), std::move(graphs), options.hang,
          std::make_shared<ContextThread>(std::move(context))};
}

Napi::Object context_object(Napi::Env env, std::shared_ptr<Environment> environment, OpenContext context) {
  environment->adopt(context.thread);
  const auto graphs = context.graphs;
  const auto handle = std::make_shared<Handle>(
      Handle{std::move(environment), std::move(context), std::make_shared<std::atomic<bool>>(false), {}});
  Napi::Object object = Napi::Object::New(env);
  object["run"] = Napi::Function::New(env, [handle](const Napi::CallbackInfo& info) { return run(info, *handle); }, "run");
  object["close"] =
      Napi::Function::New(env, [handle](const Napi::CallbackInfo& info) { return close(info, *handle); }, "close");
  object.DefineProperty(Napi::PropertyDescriptor::Accessor(
      env, object, "graphs", [graphs](const Napi::CallbackInfo& info) { return graphs_object(info, *graphs); },
      napi_enumerable));
  return object;
}

void close_context(ContextThread& thread, std::chrono::milliseconds hang) {
  constexpr auto kLook = std::chrono::milliseconds(20);
  thread.end();
  const auto bound = Clock::now() + with_margin(hang);
  while (!thread.has_ended_by(Clock::now() + kLook)) {
    if (thread.device()->is_lost()) return;
    if (Clock::now() < bound) continue;
    const Fault hung(FaultCode::hung, "a context's thread does not come back from the driver");
    thread.device()->lose(hung);
    throw hung;
  }
}

}  // namespace clip::tensorrt
