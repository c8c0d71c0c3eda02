#pragma once

#include <NvInfer.h>

#include <atomic>
#include <string>

#include "../knobs.h"
#include "stubs.h"

#ifdef ENABLE_FEATURE_DISABLE_RUNTIME_ALLOCATION
#error "this macro puts a function into the interfaces that no library has"
#endif

/// A fake of libnvinfer over its public headers. It proves life cycles, ownership, order and errors, and says nothing
/// of what TensorRT accepts or computes.
namespace fakes::infer {

using namespace nvinfer1;

/// `getInferLibVersion` as FAKE_VERSION has it, else that of the headers.
int version_number();
int build_number();

/// Objects that the caller has not deleted.
std::atomic<int>& live();

/// Says in the log that an object is made and deleted. What it was made from has to outlive it.
class Object {
 public:
  explicit Object(const char* kind, Object* parent = nullptr) : kind_(kind), parent_(parent) {
    if (parent_) parent_->children_++;
    live()++;
    note(std::string("create ") + kind_);
  }
  Object(const Object&) = delete;
  ~Object() {
    if (children_ > 0) refuse(std::string(kind_) + " is deleted before what was made from it");
    if (parent_) parent_->children_--;
    live()--;
    note(std::string("destroy ") + kind_);
  }

 private:
  const char* kind_;
  Object* parent_;
  std::atomic<int> children_{0};
};

/// Where an object's errors go. Recorders are counted, as the interface demands.
class Voice {
 public:
  explicit Voice(ILogger* logger, IErrorRecorder* recorder = nullptr) : logger_(logger) { record(recorder); }
  Voice(const Voice&) = delete;
  ~Voice() { record(nullptr); }

  void record(IErrorRecorder* recorder) {
    if (recorder) recorder->incRefCount();
    if (recorder_) recorder_->decRefCount();
    recorder_ = recorder;
  }
  IErrorRecorder* recorder() const { return recorder_; }
  ILogger* logger() const { return logger_; }

  void warn(const std::string& text) const { logger_->log(ILogger::Severity::kWARNING, text.c_str()); }
  /// `where` is a function of the library's, as its own messages have it.
  void error(ErrorCode code, const std::string& where, const std::string& text) const {
    const std::string whole = where + ": Error Code " + std::to_string(static_cast<int>(code)) + ": " + text;
    logger_->log(ILogger::Severity::kERROR, whole.c_str());
    if (recorder_) recorder_->reportError(code, whole.substr(0, IErrorRecorder::kMAX_DESC_LENGTH).c_str());
  }

 private:
  ILogger* logger_;
  IErrorRecorder* recorder_ = nullptr;
};

}  // namespace fakes::infer
