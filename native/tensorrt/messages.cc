#include "messages.h"

#include <algorithm>
#include <cctype>

namespace clip::tensorrt {
namespace {

/// Of the words with which library, parser and driver say that an allocation failed, spelt in several ways. A workspace that
/// doesn't suffice is not among them: that one needs more, not less.
bool speaks_of_memory(const std::string& text) {
  std::string letters;
  for (const unsigned char c : text)
    if (std::isalnum(c)) letters += static_cast<char>(std::tolower(c));
  const auto says = [&](const char* words) { return letters.find(words) != std::string::npos; };
  return says("outofmemory") || says("memoryallocation") || says("failedallocation") || says("badalloc");
}

/// Unless a text says it already: the recorder's texts are the log's, cut short.
void add(std::vector<std::string>& texts, const std::string& text) {
  const auto says = [&](const std::string& said) { return said.find(text) != std::string::npos; };
  if (!text.empty() && std::none_of(texts.begin(), texts.end(), says)) texts.push_back(text);
}

}  // namespace

Logger& Logger::of_process() {
  // The library may log until the process is gone, so its logger is not destroyed at its end either.
  static Logger* const logger = std::unique_ptr<Logger>(new Logger).release();
  return *logger;
}

void Logger::log(Severity severity, const char* text) noexcept {
  if (severity > Severity::kWARNING || !text) return;
  const bool error = severity <= Severity::kERROR;
  try {
    const std::lock_guard lock(mutex_);
    const auto of_this_thread = [](const Listener* one) { return one->thread_ == std::this_thread::get_id(); };
    const bool owned = std::any_of(listeners_.begin(), listeners_.end(), of_this_thread);
    for (Listener* listener : listeners_) {
      if (owned && !of_this_thread(listener)) continue;
      if (error && listener->errors_.size() < Listener::kErrors) listener->errors_.emplace_back(text);
      if (listener->heard_) listener->heard_(error, text);
    }
  } catch (...) {
    // A message that finds no memory is lost; the library must not be left by an exception.
  }
}

Listener::Listener(Heard heard) : heard_(std::move(heard)) {
  Logger& logger = Logger::of_process();
  const std::lock_guard lock(logger.mutex_);
  logger.listeners_.push_back(this);
}

Listener::~Listener() {
  Logger& logger = Logger::of_process();
  const std::lock_guard lock(logger.mutex_);
  std::erase(logger.listeners_, this);
}

std::vector<std::string> Listener::errors() const {
  const std::lock_guard lock(Logger::of_process().mutex_);
  return errors_;
}

std::vector<ErrorRecorder::Report> ErrorRecorder::reports() const {
  const std::lock_guard lock(mutex_);
  std::vector<Report> copies;
  for (const auto& report : reports_) copies.push_back(*report);
  return copies;
}

int32_t ErrorRecorder::getNbErrors() const noexcept {
  const std::lock_guard lock(mutex_);
  return static_cast<int32_t>(reports_.size());
}

nvinfer1::ErrorCode ErrorRecorder::getErrorCode(int32_t index) const noexcept {
  const std::lock_guard lock(mutex_);
  return static_cast<size_t>(index) < reports_.size() ? reports_[index]->code : nvinfer1::ErrorCode::kSUCCESS;
}

nvinfer1::IErrorRecorder::ErrorDesc ErrorRecorder::getErrorDesc(int32_t index) const noexcept {
  const std::lock_guard lock(mutex_);
  return static_cast<size_t>(index) < reports_.size() ? reports_[index]->text.c_str() : "";
}

bool ErrorRecorder::hasOverflowed() const noexcept {
  const std::lock_guard lock(mutex_);
  return overflowed_;
}

void ErrorRecorder::clear() noexcept {
  const std::lock_guard lock(mutex_);
  reports_.clear();
  overflowed_ = false;
}

bool ErrorRecorder::reportError(nvinfer1::ErrorCode code, ErrorDesc text) noexcept {
  const std::lock_guard lock(mutex_);
  try {
    if (reports_.size() < kReports)
      reports_.push_back(std::make_unique<const Report>(Report{code, text ? text : ""}));
    else
      overflowed_ = true;
  } catch (...) {
    overflowed_ = true;
  }
  // True ends the call in which it happened: nothing that went wrong is worked around.
  return true;
}

nvinfer1::IErrorRecorder::RefCount ErrorRecorder::incRefCount() noexcept { return ++references_; }

nvinfer1::IErrorRecorder::RefCount ErrorRecorder::decRefCount() noexcept { return --references_; }

Fault explain(const std::string& what, const Listener& heard, const ErrorRecorder& recorded, FaultCode otherwise,
              const std::vector<std::string>& reasons) {
  std::vector<std::string> texts;
  bool memory = false;
  for (const std::string& text : reasons) add(texts, text);
  for (const std::string& text : heard.errors()) add(texts, text);
  for (const ErrorRecorder::Report& report : recorded.reports()) {
    add(texts, report.text);
    memory |= report.code == nvinfer1::ErrorCode::kFAILED_ALLOCATION;
  }
  std::string message = what;
  for (size_t i = 0; i < texts.size(); i++) {
    message += (i == 0 ? ": " : "; ") + texts[i];
    memory |= speaks_of_memory(texts[i]);
  }
  if (texts.empty()) message += ", and TensorRT gives no reason";
  return Fault(memory ? FaultCode::memory : otherwise, message);
}

}  // namespace clip::tensorrt
