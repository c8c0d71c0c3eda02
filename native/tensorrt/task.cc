#include "task.h"

#include <pthread.h>

#include <memory>
#include <mutex>
#include <utility>

#include "door.h"
#include "fault.h"

namespace clip::tensorrt {
namespace {

/// As that of a process's first thread, for which TensorRT's recursive passes over a network are made; a thread may get 2 MiB.
constexpr size_t kStackBytes = size_t{8} << 20;

/// Of a task, what its thread uses.
struct Work {
  std::function<Settle()> run;
  Settle settle;
  std::exception_ptr thrown;
  std::mutex mutex;
  Napi::ThreadSafeFunction door;  // under the mutex
  bool closed = false;            // likewise
};

/// Of a task, what is JavaScript's; freed on its thread once the thread of the work has let go of the door.
struct Promised {
  explicit Promised(Napi::Env env) : deferred(Napi::Promise::Deferred::New(env)) {}
  Napi::Promise::Deferred deferred;
  std::vector<Napi::Reference<Napi::Uint8Array>> lent;
};

void settle(Napi::Env env, const Napi::Promise::Deferred& deferred, Work& work) {
  // What it holds, an engine maybe, ends here, and not with the thread of the work, which may be late.
  const Settle made = std::move(work.settle);
  try {
    if (work.thrown) std::rethrow_exception(work.thrown);
    deferred.Resolve(made(env));
  } catch (...) {
    deferred.Reject(error_of(env, std::current_exception()).Value());
  }
}

void run(const std::shared_ptr<Work>& work, const Promised* promised) {
  try {
    work->settle = work->run();
  } catch (...) {
    work->thrown = std::current_exception();
  }
  work->run = nullptr;
  const auto finish = [work, promised](Napi::Env env, Napi::Function) { settle(env, promised->deferred, *work); };
  const std::lock_guard lock(work->mutex);
  if (!work->closed && work->door.BlockingCall(finish) != napi_closing) work->door.Release();
}

void start_thread(std::function<void()> body) {
  using Body = std::function<void()>;
  auto owned = std::make_unique<Body>(std::move(body));
  pthread_attr_t attributes;
  pthread_t thread;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  const auto entry = [](void* given) -> void* {
    const std::unique_ptr<Body> mine(static_cast<Body*>(given));
    (*mine)();
    return nullptr;
  };
  const int failed = pthread_create(&thread, &attributes, entry, owned.get());
  pthread_attr_destroy(&attributes);
  if (failed) throw Fault(FaultCode::memory, "no thread can be started");
  owned.release();
}

}  // namespace

Napi::Promise on_thread(Napi::Env env, const char* name, std::vector<Napi::Uint8Array> lent,
                        std::function<Settle()> work) {
  auto promised = std::make_unique<Promised>(env);
  const Napi::Promise promise = promised->deferred.Promise();
  for (const Napi::Uint8Array& bytes : lent) promised->lent.push_back(Napi::Persistent(bytes));
  const auto shared = std::make_shared<Work>();
  shared->run = std::move(work);
  Promised* const kept = promised.release();
  // At the environment's end Node deletes the door, whoever may use it yet.
  const auto close = [kept, shared](Napi::Env) {
    const std::unique_ptr<Promised> mine(kept);
    const std::lock_guard lock(shared->mutex);
    shared->closed = true;
  };
  const auto nothing = Napi::Function::New(env, [](const Napi::CallbackInfo&) {});
  shared->door = Napi::ThreadSafeFunction::New(env, nothing, name, 0, 1, close);
  try {
    start_thread([shared, kept] { run(shared, kept); });
  } catch (...) {
    kept->deferred.Reject(error_of(env, std::current_exception()).Value());
    shared->door.Release();
  }
  return promise;
}

}  // namespace clip::tensorrt
