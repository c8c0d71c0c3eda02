#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "fault.h"
#include "nvinfer.h"

namespace clip::tensorrt {

class Listener;

/// Where TensorRT logs: the library keeps the first logger that it is given, for as long as it is loaded, and logs from any of
/// its threads. So there is one, and it is never deleted; who wants to hear is a Listener.
class Logger : public nvinfer1::ILogger {
 public:
  static Logger& of_process();
  void log(Severity severity, const char* text) noexcept override;

 private:
  friend class Listener;
  Logger() = default;

  std::mutex mutex_;
  std::vector<Listener*> listeners_;
};

/// Hears what the library logs, from warning upwards, while it lives: what its own thread causes, and what comes from threads
/// that are nobody's, the library's own.
class Listener {
 public:
  using Heard = std::function<void(bool error, const std::string& text)>;

  /// `heard` is called at once, on any thread, under a lock: it must not call TensorRT and must not wait.
  explicit Listener(Heard heard = nullptr);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// The errors so far, the first kErrors of them.
  std::vector<std::string> errors() const;

 private:
  friend class Logger;
  static constexpr size_t kErrors = 16;

  const std::thread::id thread_ = std::this_thread::get_id();
  const Heard heard_;
  std::vector<std::string> errors_;  // under the logger's mutex
};

/// What TensorRT's objects report, by code; thread-safe. Given to builder, network, runtime, engine and context by
/// setErrorRecorder, and has to outlive them. The library may cut texts at 127 characters.
class ErrorRecorder : public nvinfer1::IErrorRecorder {
 public:
  struct Report {
    nvinfer1::ErrorCode code;
    std::string text;
  };

  std::vector<Report> reports() const;

  int32_t getNbErrors() const noexcept override;
  nvinfer1::ErrorCode getErrorCode(int32_t index) const noexcept override;
  ErrorDesc getErrorDesc(int32_t index) const noexcept override;
  bool hasOverflowed() const noexcept override;
  void clear() noexcept override;
  bool reportError(nvinfer1::ErrorCode code, ErrorDesc text) noexcept override;
  RefCount incRefCount() noexcept override;
  RefCount decRefCount() noexcept override;

 private:
  static constexpr size_t kReports = 32;

  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<const Report>> reports_;  // pointers, for getErrorDesc gives out a report's text
  bool overflowed_ = false;
  std::atomic<RefCount> references_{0};
};

/// One that is known apart from log and recorder: whence it comes, and the words that the log may repeat.
struct Reason {
  std::string whence;
  std::string words;
};

/// `what` with `reasons` and all that was logged and recorded, each text once. `memory` where one speaks of too little of
/// it, else `otherwise`.
Fault explain(const std::string& what, const Listener& heard, const ErrorRecorder& recorded,
              FaultCode otherwise = FaultCode::failed, const std::vector<Reason>& reasons = {});

}  // namespace clip::tensorrt
