#include "environment.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "door.h"

namespace clip::tensorrt {
namespace {

/// For what the device does when the environment ends; and, once its work has been given up, for threads to notice.
constexpr auto kGrace = std::chrono::milliseconds(2000), kNotice = std::chrono::milliseconds(200);
/// For what a library does: to deserialise a plan of 2 GB takes seconds.
constexpr std::chrono::milliseconds kStay(20'000), kLook(5);

template <typename Kept>
void forget_expired(std::vector<std::weak_ptr<Kept>>& all) {
  std::erase_if(all, [](const auto& one) { return one.expired(); });
}

}  // namespace

std::shared_ptr<Environment> Environment::open(Napi::Env env) {
  const std::shared_ptr<Environment> environment(new Environment);
  environment->door_ = Door::New(env, "clip-tensorrt", 0, 1);
  environment->door_.Unref(env);
  // Keeps it until then; hooks run before what Node itself ends, the newest first.
  env.AddCleanupHook([environment] { environment->end(); });
  return environment;
}

Environment::Ticket Environment::promise(Napi::Value result, Napi::Value lent) {
  const Napi::Env env = lent.Env();
  const auto deferred = Napi::Promise::Deferred::New(env);
  Napi::Array held = Napi::Array::New(env, 2);
  held.Set(0u, result.IsEmpty() ? env.Undefined() : result);
  held.Set(1u, lent);
  if (pending_.empty()) door_.Ref(env);
  const uint64_t id = next_++;
  pending_.emplace(id, Pending{deferred, Napi::Persistent(held)});
  return {id, deferred.Promise()};
}

void Environment::settle(uint64_t id, std::exception_ptr thrown) {
  watchdog_.release(id);
  tell(std::make_unique<Outcome>(Outcome{shared_from_this(), id, std::move(thrown), false}));
}

void Environment::settle_within(uint64_t id, std::chrono::milliseconds bound, std::shared_ptr<Device> device) {
  watchdog_.watch(id, Watchdog::Clock::now() + bound, [this, id, device = std::move(device)] {
    const Fault hung(FaultCode::hung, "a context's thread does not come back from the driver");
    device->lose(hung);
    tell(std::make_unique<Outcome>(Outcome{shared_from_this(), id, std::make_exception_ptr(hung), true}));
  });
}

void Environment::tell(std::unique_ptr<Outcome> outcome) {
  const std::lock_guard lock(mutex_);
  if (is_open_ && door_.NonBlockingCall(outcome.get()) == napi_ok) static_cast<void>(outcome.release());
}

void Environment::call(Napi::Env env, Napi::Function, std::nullptr_t*, Outcome* outcome) {
  const std::unique_ptr<Outcome> owned(outcome);
  // Without an environment it has ended.
  if (env != nullptr) owned->environment->finish(env, *owned);
}

void Environment::finish(Napi::Env env, const Outcome& outcome) {
  auto found = pending_.extract(outcome.id);
  if (found.empty()) return;
  if (pending_.empty()) door_.Unref(env);
  Pending& pending = found.mapped();
  if (outcome.thrown)
    pending.deferred.Reject(error_of(env, outcome.thrown).Value());
  else
    pending.deferred.Resolve(pending.held.Value().Get(0u));
  if (outcome.keep_lent) pending.held.SuppressDestruct();
}

void Environment::adopt(std::weak_ptr<ContextThread> thread) {
  forget_expired(threads_);
  threads_.push_back(std::move(thread));
}

std::shared_ptr<const void> Environment::stay() {
  forget_expired(stays_);
  std::shared_ptr<const void> stay = std::make_shared<char>();
  stays_.push_back(stay);
  return stay;
}

void Environment::end() {
  watchdog_.stop();
  {
    const std::lock_guard lock(mutex_);
    is_open_ = false;
    door_.Release();
  }
  end_threads();
  await_stays();
  pending_.clear();
}

void Environment::end_threads() {
  std::vector<std::shared_ptr<ContextThread>> threads;
  for (const auto& weak : threads_)
    if (auto thread = weak.lock()) threads.push_back(std::move(thread));
  for (const auto& thread : threads) thread->end();
  const auto start = std::chrono::steady_clock::now();
  for (const auto& thread : threads)
    if (!thread->device()->is_lost() && !thread->has_ended_by(start + kGrace))
      thread->device()->lose(Fault(FaultCode::cancelled, "the JavaScript environment has ended"));
  const auto given_up = std::chrono::steady_clock::now();
  for (const auto& thread : threads) thread->has_ended_by(given_up + kNotice);
}

void Environment::await_stays() const {
  const auto bound = std::chrono::steady_clock::now() + kStay;
  const auto is_over = [](const auto& stay) { return stay.expired(); };
  while (!std::all_of(stays_.begin(), stays_.end(), is_over) && std::chrono::steady_clock::now() < bound)
    std::this_thread::sleep_for(kLook);
}

}  // namespace clip::tensorrt
