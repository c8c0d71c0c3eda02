#pragma once

#include "javascript.h"

#include <string>

namespace clip {

/// Reads the fields of a job object; every fault is a JavaScript TypeError or RangeError that names the field.
class Arguments {
 public:
  /// The only argument of a call.
  explicit Arguments(const Napi::CallbackInfo& info);
  explicit Arguments(const Napi::Object& object) : object_(object) {}

  /// An integer of minimum … maximum.
  int64_t integer(const char* name, int64_t minimum, int64_t maximum) const;
  bool boolean(const char* name) const;
  std::string text(const char* name) const;
  Napi::Uint8Array bytes(const char* name) const;
  bool has(const char* name) const;
  Napi::Env env() const { return object_.Env(); }

 private:
  [[noreturn]] void expected(const char* name, const char* what) const;
  Napi::Object object_;
};

}  // namespace clip
