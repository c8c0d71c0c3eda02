#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "javascript.h"

namespace clip::tensorrt {

/// A build's way to JavaScript's functions: what its threads report waits here until the JavaScript thread asks for it. Of
/// progress only the latest waits, of messages at most kWaiting; the rest is dropped, and the errors are in the fault's message
/// all the same.
class BuildCalls : public std::enable_shared_from_this<BuildCalls> {
 public:
  /// On the JavaScript thread.
  static std::shared_ptr<BuildCalls> open(const Napi::Function& on_progress, const Napi::Function& on_message);

  /// On any thread.
  void progress(const std::string& phase, int done, int total);
  void message(bool error, const std::string& text);

  /// Calls what waits, and nothing later. On the JavaScript thread.
  void finish(Napi::Env env);

 private:
  static constexpr size_t kWaiting = 256;

  struct Step {
    std::string phase;
    int done;
    int total;
  };
  struct Message {
    bool error;
    std::string text;
  };

  BuildCalls() = default;
  void deliver(Napi::Env env);
  void ask();
  void close();

  Napi::FunctionReference on_progress_;
  Napi::FunctionReference on_message_;
  std::mutex asking_;
  Napi::ThreadSafeFunction door_;  // under asking_, and so is
  bool closed_ = false;
  std::mutex mutex_;  // of what waits
  std::optional<Step> step_;
  std::deque<Message> messages_;
};

}  // namespace clip::tensorrt
