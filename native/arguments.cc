#include "arguments.h"

#include <cmath>

namespace clip {
namespace {

Napi::Object first_object(const Napi::CallbackInfo& info) {
  if (info.Length() != 1 || !info[0].IsObject()) throw Napi::TypeError::New(info.Env(), "one job object expected");
  return info[0].As<Napi::Object>();
}

}  // namespace

Arguments::Arguments(const Napi::CallbackInfo& info) : object_(first_object(info)) {}

void Arguments::expected(const char* name, const char* what) const {
  const std::string got = object_.Get(name).ToString().Utf8Value().substr(0, 60);
  throw Napi::TypeError::New(env(), std::string(name) + ": " + what + " expected, got " + got);
}

int64_t Arguments::integer(const char* name, int64_t minimum, int64_t maximum) const {
  const Napi::Value value = object_.Get(name);
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : NAN;
  if (std::isnan(number) || number != std::floor(number)) expected(name, "an integer");
  if (number < static_cast<double>(minimum) || number > static_cast<double>(maximum))
    throw Napi::RangeError::New(env(), std::string(name) + ": " + std::to_string(minimum) + " to " +
                                           std::to_string(maximum) + " expected, got " + value.ToString().Utf8Value());
  return static_cast<int64_t>(number);
}

bool Arguments::boolean(const char* name) const {
  const Napi::Value value = object_.Get(name);
  if (!value.IsBoolean()) expected(name, "a boolean");
  return value.As<Napi::Boolean>().Value();
}

std::string Arguments::text(const char* name) const {
  const Napi::Value value = object_.Get(name);
  if (!value.IsString()) expected(name, "a string");
  return value.As<Napi::String>().Utf8Value();
}

Napi::Uint8Array Arguments::bytes(const char* name) const {
  const Napi::Value value = object_.Get(name);
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array)
    expected(name, "a Uint8Array");
  return value.As<Napi::Uint8Array>();
}

bool Arguments::has(const char* name) const { return !object_.Get(name).IsUndefined(); }

}  // namespace clip
