#pragma once

#include <tensorrt/fault.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>

namespace life {

/// Ends the process, at once and with the words, where something isn't as it has to be.
inline void expect(bool holds, const std::string& what) {
  if (holds) return;
  std::fprintf(stderr, "life: expected that %s\n", what.c_str());
  std::abort();
}

/// The fault's words.
inline std::string expect_fault(clip::tensorrt::FaultCode code, const std::function<void()>& act) {
  using namespace clip::tensorrt;
  try {
    act();
  } catch (const Fault& fault) {
    expect(fault.code() == code,
           std::string("the fault is ") + name_of(code) + ", got " + name_of(fault.code()) + ": " + fault.what());
    return fault.what();
  }
  expect(false, std::string("there is a fault ") + name_of(code));
  return "";
}

}  // namespace life
