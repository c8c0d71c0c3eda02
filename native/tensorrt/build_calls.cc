#include "build_calls.h"

#include <utility>

namespace clip::tensorrt {

std::shared_ptr<BuildCalls> BuildCalls::open(const Napi::Function& on_progress, const Napi::Function& on_message) {
  const std::shared_ptr<BuildCalls> calls(new BuildCalls);
  calls->on_progress_ = Napi::Persistent(on_progress);
  calls->on_message_ = Napi::Persistent(on_message);
  // At the environment's end Node deletes the door, whoever may use it yet.
  calls->door_ = Napi::ThreadSafeFunction::New(on_progress.Env(), on_progress, "TensorRT build", 1, 1,
                                               [calls](Napi::Env) { calls->close(); });
  return calls;
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
  const std::lock_guard lock(asking_);
  if (closed_) return;
  const auto deliver = [self = shared_from_this()](Napi::Env env, Napi::Function) { self->deliver(env); };
  closed_ = door_.NonBlockingCall(deliver) == napi_closing;
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
  {
    const std::lock_guard lock(asking_);
    if (!closed_) door_.Release();
  }
  close();
}

void BuildCalls::close() {
  const std::lock_guard lock(asking_);
  closed_ = true;
  on_progress_.Reset();
  on_message_.Reset();
}

}  // namespace clip::tensorrt
