#include "build_calls.h"

#include <utility>

namespace clip::tensorrt {

BuildCalls::BuildCalls(const Napi::Function& on_progress, const Napi::Function& on_message)
    : on_progress_(Napi::Persistent(on_progress)),
      on_message_(Napi::Persistent(on_message)),
      door_(Napi::ThreadSafeFunction::New(on_progress.Env(), on_progress, "TensorRT build", 1, 1)) {}

BuildCalls::~BuildCalls() {
  // Where the environment ended first, its references are gone with it; else `finish` has let go of them.
  on_progress_.SuppressDestruct();
  on_message_.SuppressDestruct();
}

void BuildCalls::progress(const std::string& phase, int done, int total) {
  {
    const std::lock_guard lock(mutex_);
    step_ = Step{phase, done, total};
  }
  ask();
}

void BuildCalls::message(bool error, const std::string& text) {
  {
    const std::lock_guard lock(mutex_);
    if (messages_.size() == kWaiting) return;
    messages_.push_back({error, text});
  }
  ask();
}

/// A queue that is full has a call in it that will find all.
void BuildCalls::ask() {
  door_.NonBlockingCall([self = shared_from_this()](Napi::Env env, Napi::Function) { self->deliver(env); });
}

void BuildCalls::deliver(Napi::Env env) {
  std::unique_lock lock(mutex_);
  const std::optional<Step> step = std::exchange(step_, std::nullopt);
  const std::deque<Message> messages = std::exchange(messages_, {});
  lock.unlock();
  if (on_progress_.IsEmpty()) return;
  const Napi::HandleScope scope(env);
  for (const Message& message : messages)
    on_message_.Call({Napi::String::New(env, message.error ? "error" : "warning"), Napi::String::New(env, message.text)});
  if (step)
    on_progress_.Call(
        {Napi::String::New(env, step->phase), Napi::Number::New(env, step->done), Napi::Number::New(env, step->total)});
}

void BuildCalls::finish(Napi::Env env) {
  deliver(env);
  on_progress_.Reset();
  on_message_.Reset();
  door_.Release();
}

}  // namespace clip::tensorrt
