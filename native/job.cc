#include "job.h"

#include <utility>

namespace clip {

Napi::Promise Job::run(Napi::Env env, std::vector<Napi::Uint8Array> lent, size_t size, Work work) {
  Job* job = new Job(env, size, std::move(work));
  for (Napi::Uint8Array& bytes : lent) job->held_.push_back(Napi::Persistent(bytes));
  const Napi::Promise promise = job->deferred_.Promise();
  job->Queue();
  return promise;
}

Job::Job(Napi::Env env, size_t size, Work work)
    : Napi::AsyncWorker(env, "clip"), deferred_(Napi::Promise::Deferred::New(env)), work_(std::move(work)) {
  Napi::Uint8Array result = Napi::Uint8Array::New(env, size);
  out_ = result.Data();
  held_.push_back(Napi::Persistent(result));
}

// AsyncWorker turns what this throws into the error given to OnError.
void Job::Execute() { written_ = work_(out_); }

void Job::OnOK() { deferred_.Resolve(written_ ? held_.front().Value() : Env().Undefined()); }

void Job::OnError(const Napi::Error& error) { deferred_.Reject(error.Value()); }

}  // namespace clip
