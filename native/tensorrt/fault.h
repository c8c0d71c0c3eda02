#pragma once

#include <stdexcept>
#include <string>

namespace clip::tensorrt {

/// What a caller can do about it; the names of TensorRtFault in src/native/tensorrt.ts, where each is explained.
enum class FaultCode { Sticky, Hung, Memory, Shape, Plan, Unsupported, Cancelled, Failed };

constexpr const char* name_of(FaultCode code) {
  switch (code) {
    case FaultCode::Sticky: return "sticky";
    case FaultCode::Hung: return "hung";
    case FaultCode::Memory: return "memory";
    case FaultCode::Shape: return "shape";
    case FaultCode::Plan: return "plan";
    case FaultCode::Unsupported: return "unsupported";
    case FaultCode::Cancelled: return "cancelled";
    case FaultCode::Failed: return "failed";
  }
  return "failed";
}

/// Everything that this module throws on purpose; the door turns it into a JavaScript Error with its `code`. The message has
/// the library's or driver's own words.
class Fault : public std::runtime_error {
 public:
  Fault(FaultCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  FaultCode code() const { return code_; }

 private:
  FaultCode code_;
};

}  // namespace clip::tensorrt
