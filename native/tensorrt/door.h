#pragma once

#include <exception>

#include "javascript.h"

namespace clip::tensorrt {

/// The JavaScript Error with the `code` of a Fault; `memory` for std::bad_alloc, `failed` for anything else.
Napi::Error error_of(Napi::Env env, const std::exception_ptr& thrown);

}  // namespace clip::tensorrt
