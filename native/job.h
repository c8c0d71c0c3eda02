#pragma once

#include "javascript.h"

#include <functional>
#include <vector>

namespace clip {

/// Runs plain C++ on a thread of libuv's pool and settles a promise with the bytes that it wrote, or with undefined where
/// it says that it wrote none. The job owns itself: it is freed once the promise is settled. What it throws becomes the
/// promise's rejection.
class Job : public Napi::AsyncWorker {
 public:
  /// True where `out` holds the result.
  using Work = std::function<bool(uint8_t* out)>;

  /// `lent` stays alive and must not be changed until the promise is settled; `size` bytes are given to `work`.
  static Napi::Promise run(Napi::Env env, std::vector<Napi::Uint8Array> lent, size_t size, Work work);

 private:
  Job(Napi::Env env, size_t size, Work work);

  void Execute() override;
  void OnOK() override;
  void OnError(const Napi::Error& error) override;

  Napi::Promise::Deferred deferred_;
  std::vector<Napi::Reference<Napi::Uint8Array>> held_;  // the first is the result
  uint8_t* out_;
  bool written_ = false;
  Work work_;
};

}  // namespace clip
