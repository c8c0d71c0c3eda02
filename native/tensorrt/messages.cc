#include "messages.h"

#include <algorithm>
#include <cctype>

namespace clip::tensorrt {
namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// Whether it has one of the words with which library, parser and driver say, in several spellings, that memory does not suffice.
bool speaks_of_memory(const std::string& text) {
  std::string letters;
  for (const unsigned char c : text)
    if (std::isalnum(c)) letters += static_cast<char>(std::tolower(c));
  const auto says = [&](const char* words) { return contains(letters, words); };
  return says("outofmemory") || says("memoryallocation") || says("failedallocation") || says("badalloc") ||
         says("insufficientmemory") || says("insufficientworkspace");
}

/// Texts, each once: the recorder's are the log's, cut short, and the log repeats the words of reasons.
class Texts {
 public:
  explicit Texts(const std::vector<Reason>& reasons) : reasons_(reasons) {
    for (const Reason& reason : reasons) all_.push_back(reason.whence + reason.words);
  }
  void add(const std::string& text) {
    const auto repeats = [&](const Reason& reason) { return !reason.words.empty() && contains(text, reason.words); };
    const auto says = [&](const std::string& said) { return contains(said, text); };
    if (text.empty() || std::any_of(reasons_.begin(), reasons_.end(), repeats)) return;
    if (std::none_of(all_.begin(), all_.end(), says)) all_.push_back(text);
  }
  const std::vector<std::string>& all() const { return all_; }

 private:
  const std::vector<Reason>& reasons_;
  std::vector<std::string> all_;
};

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
              const std::vector<Reason>& reasons) {
  Texts texts(reasons);
  bool memory = false;
  for (const std::string& text : heard.errors()) texts.add(text);
  for (const ErrorRecorder::Report& report : recorded.reports()) {
    texts.add(report.text);
    memory |= report.code == nvinfer1::ErrorCode::kFAILED_ALLOCATION;
  }
  std::string message = what;
  for (const std::string& text : texts.all()) {
    message += (message.size() == what.size() ? ": " : "; ") + text;
    memory |= speaks_of_memory(text);
  }
  if (texts.all().empty()) message += ", and says nothing of why";
  return Fault(memory ? FaultCode::memory : otherwise, message);
}

}  // namespace clip::tensorrt
