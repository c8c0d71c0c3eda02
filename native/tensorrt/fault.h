#pragma once

#include <stdexcept>
#include <string>

namespace clip::tensorrt {

/// `TensorRtFault` of src/native/tensorrt.ts says what each means to the caller.
enum class FaultCode { sticky, hung, memory, shape, plan, unsupported, cancelled, failed };

/// What this module throws; it becomes a `TensorRtError`.
class Fault : public std::runtime_error {
 public:
  Fault(FaultCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  FaultCode code() const { return code_; }

 private:
  FaultCode code_;
};

constexpr const char* name_of(FaultCode code) {
  switch (code) {
    case FaultCode::sticky: return "sticky";
    case FaultCode::hung: return "hung";
    case FaultCode::memory: return "memory";
    case FaultCode::shape: return "shape";
    case FaultCode::plan: return "plan";
    case FaultCode::unsupported: return "unsupported";
    case FaultCode::cancelled: return "cancelled";
    case FaultCode::failed: return "failed";
  }
  return "failed";
}

}  // namespace clip::tensorrt
