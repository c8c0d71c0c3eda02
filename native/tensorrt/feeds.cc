#include "feeds.h"

#include <optional>

namespace clip::tensorrt {
namespace {

[[noreturn]] void expected(const Napi::Value& got, const std::string& what) {
  throw Napi::TypeError::New(got.Env(), what + " expected");
}

Napi::Array array_of(const Napi::Value& value, const std::string& what) {
  if (!value.IsArray()) expected(value, what);
  return value.As<Napi::Array>();
}

std::optional<Element> element_of(napi_typedarray_type type) {
  switch (type) {
    case napi_float32_array: return Element::float32;
    case napi_int32_array: return Element::int32;
    case napi_bigint64_array: return Element::int64;
    case napi_uint8_array: return Element::uint8;
    default: return std::nullopt;
  }
}

Shape read_shape(const Napi::Value& value, const std::string& name) {
  const std::string what = "feed " + name + ": a shape of whole numbers";
  const Napi::Array sides = array_of(value, what);
  Shape shape;
  for (uint32_t axis = 0; axis < sides.Length(); axis++) {
    const Napi::Value side = sides[axis];
    const double number = side.IsNumber() ? side.As<Napi::Number>().DoubleValue() : -1;
    if (!(number >= 0 && number < 4294967296.0) || number != static_cast<double>(static_cast<int64_t>(number)))
      expected(value, what);
    shape.push_back(static_cast<int64_t>(number));
  }
  if (shape.empty()) expected(value, what);
  return shape;
}

void read_pieces(const Napi::Value& value, Feed& feed, Napi::Array& lent) {
  const std::string what = "feed " + feed.name +
                           ": data in Uint8Arrays, Int32Arrays, BigInt64Arrays or Float32Arrays, all of one kind,";
  const Napi::Array pieces = array_of(value, what);
  std::optional<Element> common;
  for (uint32_t index = 0; index < pieces.Length(); index++) {
    const Napi::Value piece = pieces[index];
    if (!piece.IsTypedArray()) expected(piece, what);
    const auto array = piece.As<Napi::TypedArray>();
    const auto element = element_of(array.TypedArrayType());
    void* data = nullptr;
    // Napi::TypedArray has the bytes' place for ArrayBuffers only, this for those that threads share too.
    napi_get_typedarray_info(piece.Env(), piece, nullptr, nullptr, &data, nullptr, nullptr);
    if (!element || (common && *common != *element)) expected(piece, what);
    common = element;
    feed.pieces.push_back({data, array.ByteLength()});
    lent.Set(lent.Length(), piece);
  }
  if (!common) expected(value, what);
  feed.element = *common;
}

}  // namespace

std::vector<Feed> read_feeds(const Napi::Value& feeds, Napi::Array lent) {
  const Napi::Array all = array_of(feeds, "run(feeds: Feed[])");
  std::vector<Feed> read;
  for (uint32_t index = 0; index < all.Length(); index++) {
    const Napi::Value given = all[index];
    if (!given.IsObject()) expected(given, "run(feeds: Feed[])");
    const auto object = given.As<Napi::Object>();
    const Napi::Value name = object.Get("name");
    if (!name.IsString()) expected(name, "a feed's name");
    Feed& feed = read.emplace_back();
    feed.name = name.As<Napi::String>();
    feed.shape = read_shape(object.Get("shape"), feed.name);
    read_pieces(object.Get("data"), feed, lent);
  }
  if (read.empty()) expected(feeds, "run(feeds: Feed[]): at least one feed");
  return read;
}

}  // namespace clip::tensorrt
