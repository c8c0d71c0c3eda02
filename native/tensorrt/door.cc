#include "door.h"

#include <new>

#include "fault.h"

namespace clip::tensorrt {
namespace {

Napi::Error made(Napi::Env env, FaultCode code, const char* message) {
  Napi::Error error = Napi::Error::New(env, message);
  error.Set("code", Napi::String::New(env, name_of(code)));
  return error;
}

}  // namespace

Napi::Error error_of(Napi::Env env, const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const Fault& fault) {
    return made(env, fault.code(), fault.what());
  } catch (const Napi::Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return made(env, FaultCode::memory, "the host's memory does not suffice");
  } catch (const std::exception& error) {
    return made(env, FaultCode::failed, error.what());
  } catch (...) {
    return made(env, FaultCode::failed, "TensorRT threw something that is no std::exception");
  }
}

}  // namespace clip::tensorrt
