#pragma once

#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "context_thread.h"
#include "javascript.h"
#include "watchdog.h"

namespace clip::tensorrt {

/// What contexts have in one JavaScript environment: promises that their threads settle, and the threads. Lives until the
/// environment ends. Then threads get a little time for what the device does, and no promise is settled any more.
class Environment : public std::enable_shared_from_this<Environment> {
 public:
  struct Ticket {
    uint64_t id;
    Napi::Promise promise;
  };

  static std::shared_ptr<Environment> open(Napi::Env env);

  /// A promise of `result`, which may be empty for undefined. What is `lent` stays alive with it until it is settled, and so
  /// does the event loop. JavaScript's thread.
  Ticket promise(Napi::Value result, Napi::Value lent);
  /// By any thread: one call to JavaScript's thread. Only the first for a ticket counts.
  void settle(uint64_t id, std::exception_ptr thrown = nullptr);
  /// Settles as hung what nobody has settled in this time, and the device is lost then. What was lent stays alive for good:
  /// the thread that has it may come back.
  void settle_within(uint64_t id, std::chrono::milliseconds bound, std::shared_ptr<Device> device);
  /// Ends with the environment at the latest.
  void adopt(std::weak_ptr<ContextThread> thread);
  /// While this is held the environment's end waits, for some time: for work on another thread that reads memory of
  /// JavaScript's, or that is inside libraries which the process's end takes down.
  std::shared_ptr<const void> stay();

 private:
  struct Pending {
    Napi::Promise::Deferred deferred;
    Napi::Reference<Napi::Array> held;  // result, lent
  };
  struct Outcome {
    std::shared_ptr<Environment> environment;
    uint64_t id;
    std::exception_ptr thrown;
    bool keep_lent;
  };
  static void call(Napi::Env env, Napi::Function, std::nullptr_t*, Outcome* outcome);
  using Door = Napi::TypedThreadSafeFunction<std::nullptr_t, Outcome, call>;

  Environment() = default;
  void tell(std::unique_ptr<Outcome> outcome);
  void finish(Napi::Env env, const Outcome& outcome);
  void end();
  void end_threads();
  void await_stays() const;

  std::mutex mutex_;
  Door door_;            // under the mutex
  bool is_open_ = true;  // likewise
  Watchdog watchdog_;
  std::vector<std::weak_ptr<ContextThread>> threads_;
  std::vector<std::weak_ptr<const void>> stays_;
  std::map<uint64_t, Pending> pending_;
  uint64_t next_ = 0;
};

}  // namespace clip::tensorrt
