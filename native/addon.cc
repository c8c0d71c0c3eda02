// The only file that knows both JavaScript and the units beside it. It keeps no state: kernels are constants and each
// job carries its own data, so any number of threads may load it.

#include <array>
#include <cstdlib>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdexcept>
#include <string_view>

#include "arguments.h"
#include "bmp.h"
#include "geometry.h"
#include "gif.h"
#include "javascript.h"
#include "job.h"
#include "jpeg.h"
#include "kernels.h"
#include "modes.h"
#include "normalise.h"
#include "probe.h"
#include "resize.h"

namespace {

using clip::Arguments;

template <typename Value, size_t count>
using Names = std::array<std::pair<std::string_view, Value>, count>;

template <typename Value, size_t count>
Value one_of(const Arguments& job, const char* name, const Names<Value, count>& names) {
  const std::string given = job.text(name);
  std::string known;
  for (const auto& [key, value] : names) {
    if (key == given) return value;
    known += known.empty() ? "" : ", ";
    known += key;
  }
  throw Napi::RangeError::New(job.env(), std::string(name) + ": one of " + known + " expected, got " + given);
}

constexpr Names<clip::Mode, 9> kModes{{{"L", clip::Mode::L},
                                       {"RGB", clip::Mode::RGB},
                                       {"RGBA", clip::Mode::RGBA},
                                       {"RGBX", clip::Mode::RGBX},
                                       {"CMYK", clip::Mode::CMYK},
                                       {"I", clip::Mode::I},
                                       {"P", clip::Mode::P},
                                       {"nearest-L", clip::Mode::NearestL},
                                       {"nearest-RGB", clip::Mode::NearestRGB}}};

constexpr Names<clip::Mode, 2> kJpegModes{{{"L", clip::Mode::L}, {"RGB", clip::Mode::RGB}}};

constexpr Names<clip::BmpPixels, 13> kBmpPixels{{{"index1", clip::BmpPixels::Index1},
                                                 {"index4", clip::BmpPixels::Index4},
                                                 {"index8", clip::BmpPixels::Index8},
                                                 {"rle4", clip::BmpPixels::Rle4},
                                                 {"rle8", clip::BmpPixels::Rle8},
                                                 {"BGR15", clip::BmpPixels::BGR15},
                                                 {"BGR16", clip::BmpPixels::BGR16},
                                                 {"BGR24", clip::BmpPixels::BGR24},
                                                 {"BGRX", clip::BmpPixels::BGRX},
                                                 {"XBGR", clip::BmpPixels::XBGR},
                                                 {"ABGR", clip::BmpPixels::ABGR},
                                                 {"RGBA", clip::BmpPixels::RGBA},
                                                 {"BGRA", clip::BmpPixels::BGRA}}};

const clip::Kernel& kernel_of(const Arguments& job) {
  const auto kernels = clip::kernels();
  if (!job.has("kernel")) return *kernels.front();
  const std::string given = job.text("kernel");
  for (const clip::Kernel* kernel : kernels)
    if (kernel->name == given) return *kernel;
  throw Napi::RangeError::New(job.env(), "kernel: this processor does not run " + given);
}

int side(const Arguments& job, const char* name) { return static_cast<int>(job.integer(name, 1, clip::kMaxSide)); }

size_t crop_bytes(int resolution) { return static_cast<size_t>(resolution) * resolution * 3; }

Napi::Value resize_crop(const Napi::CallbackInfo& info) {
  const Arguments job(info);
  const Napi::Uint8Array data = job.bytes("data");
  std::vector<Napi::Uint8Array> lent{data};
  clip::Picture picture{data.Data(), data.ByteLength(), side(job, "width"), side(job, "height"),
                        one_of(job, "mode", kModes), nullptr,
                        static_cast<int>(job.integer("resolution", 1, clip::kMaxResolution))};
  if (picture.mode == clip::Mode::P) {
    lent.push_back(job.bytes("palette"));
    if (lent.back().ByteLength() != clip::kPaletteBytes)
      throw Napi::RangeError::New(info.Env(), "palette: 768 bytes expected, got " +
                                                  std::to_string(lent.back().ByteLength()));
    picture.palette = lent.back().Data();
  }
  const clip::Kernel& kernel = kernel_of(job);
  return clip::Job::run(info.Env(), std::move(lent), crop_bytes(picture.resolution),
                        [picture, &kernel](uint8_t* out) {
                          clip::resize_crop(picture, out, kernel);
                          return true;
                        });
}

Napi::Value decode_jpeg(const Napi::CallbackInfo& info, const clip::TurboJpeg& library) {
  const Arguments job(info);
  const Napi::Uint8Array data = job.bytes("data");
  const clip::Jpeg jpeg{data.Data(),
                        data.ByteLength(),
                        side(job, "width"),
                        side(job, "height"),
                        one_of(job, "mode", kJpegModes),
                        static_cast<int>(job.integer("resolution", 1, clip::kMaxResolution))};
  const clip::Kernel& kernel = *clip::kernels().front();
  return clip::Job::run(info.Env(), {data}, crop_bytes(jpeg.resolution), [library, jpeg, &kernel](uint8_t* out) {
    return clip::decode_resize_crop(library, jpeg, out, kernel);
  });
}

/// (path) → the function that decodes with the library at that path.
Napi::Value open_turbo_jpeg(const Napi::CallbackInfo& info) {
  if (info.Length() != 1 || !info[0].IsString())
    throw Napi::TypeError::New(info.Env(), "openTurboJpeg(path: string) expected");
  try {
    const clip::TurboJpeg library = clip::open_turbo_jpeg(info[0].As<Napi::String>());
    const auto decode = [library](const Napi::CallbackInfo& call) { return decode_jpeg(call, library); };
    return Napi::Function::New(info.Env(), decode, "decodeResizeCrop");
  } catch (const std::runtime_error& error) {
    throw Napi::Error::New(info.Env(), error.what());
  }
}

Napi::Value unpack_bmp(const Napi::CallbackInfo& info) {
  const Arguments job(info);
  const Napi::Uint8Array data = job.bytes("data");
  const clip::Bmp bmp{data.Data(),
                      data.ByteLength(),
                      static_cast<size_t>(job.integer("offset", 0, UINT32_MAX)),
                      side(job, "width"),
                      side(job, "height"),
                      job.boolean("topDown"),
                      one_of(job, "pixels", kBmpPixels)};
  const size_t size = static_cast<size_t>(bmp.width) * bmp.height * clip::bmp_channels(bmp.pixels);
  return clip::Job::run(info.Env(), {data}, size, [bmp](uint8_t* out) {
    clip::unpack_bmp(bmp, out);
    return true;
  });
}

Napi::Value unpack_gif(const Napi::CallbackInfo& info) {
  const Arguments job(info);
  const Napi::Uint8Array data = job.bytes("data");
  const int width = side(job, "width"), height = side(job, "height");
  const int left = static_cast<int>(job.integer("left", 0, width - 1));
  const int top = static_cast<int>(job.integer("top", 0, height - 1));
  const clip::Gif gif{data.Data(),
                      data.ByteLength(),
                      static_cast<size_t>(job.integer("offset", 0, UINT32_MAX)),
                      static_cast<int>(job.integer("codeBits", 0, 8)),
                      width,
                      height,
                      left,
                      top,
                      static_cast<int>(job.integer("frameWidth", 1, width - left)),
                      static_cast<int>(job.integer("frameHeight", 1, height - top)),
                      job.boolean("interlaced"),
                      static_cast<uint8_t>(job.integer("fill", 0, 255))};
  const size_t size = static_cast<size_t>(width) * height;
  return clip::Job::run(info.Env(), {data}, size, [gif](uint8_t* out) {
    clip::unpack_gif(gif, out);
    return true;
  });
}

Napi::Value normalise(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() != 3 || !info[0].IsTypedArray() || !info[1].IsTypedArray() || !info[2].IsNumber() ||
      info[0].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array ||
      info[1].As<Napi::TypedArray>().TypedArrayType() != napi_float32_array)
    throw Napi::TypeError::New(env, "normalise(pixels: Uint8Array, out: Float32Array, offset: number) expected");
  const auto pixels = info[0].As<Napi::Uint8Array>();
  auto out = info[1].As<Napi::Float32Array>();
  const double offset = info[2].As<Napi::Number>().DoubleValue();
  const size_t count = pixels.ElementLength(), room = out.ElementLength();
  if (count % 3 != 0)
    throw Napi::RangeError::New(env, "pixels: a multiple of 3 bytes expected, got " + std::to_string(count));
  if (!(offset >= 0) || offset != static_cast<double>(static_cast<int64_t>(offset)) || count > room ||
      offset > static_cast<double>(room - count))
    throw Napi::RangeError::New(env, "out: room for " + std::to_string(count) + " floats expected at " +
                                         info[2].ToString().Utf8Value() + " of " + std::to_string(room));
  clip::normalise(pixels.Data(), count / 3, out.Data() + static_cast<size_t>(offset));
  return env.Undefined();
}

Napi::Array kernel_names(Napi::Env env) {
  const auto kernels = clip::kernels();
  Napi::Array names = Napi::Array::New(env, kernels.size());
  for (uint32_t i = 0; i < kernels.size(); i++) names.Set(i, kernels[i]->name);
  return names;
}

void exit_now(const Napi::CallbackInfo& info) {
  std::_Exit(info[0].ToNumber().Int32Value());
}

Napi::Value trim_memory(const Napi::CallbackInfo& info) {
  return clip::Job::run(info.Env(), {}, 0, [](uint8_t*) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
    return false;
  });
}

Napi::Object library_object(Napi::Env env, const clip::Library& library) {
  Napi::Object object = Napi::Object::New(env);
  if (!library.path.empty()) object.Set("path", library.path);
  if (library.version) object.Set("version", library.version);
  if (!library.error.empty()) object.Set("error", library.error);
  return object;
}

Napi::Value probe_library(const Napi::CallbackInfo& info) {
  if (info.Length() != 2 || !info[0].IsString() || !info[1].IsString())
    throw Napi::TypeError::New(info.Env(), "probeLibrary(name: string, versionFunction: string) expected");
  const clip::Library library =
      clip::probe_library(info[0].As<Napi::String>(), info[1].As<Napi::String>());
  return library_object(info.Env(), library);
}

Napi::Value probe_driver(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const clip::Driver driver = clip::probe_driver();
  Napi::Array gpus = Napi::Array::New(env, driver.gpus.size());
  for (uint32_t i = 0; i < driver.gpus.size(); i++) {
    const clip::Gpu& from = driver.gpus[i];
    Napi::Object gpu = Napi::Object::New(env);
    gpu.Set("name", from.name);
    gpu.Set("computeCapability", std::to_string(from.major) + "." + std::to_string(from.minor));
    gpu.Set("memoryBytes", static_cast<double>(from.bytes));
    gpus.Set(i, gpu);
  }
  Napi::Object object = Napi::Object::New(env);
  object.Set("library", library_object(env, driver.library));
  if (!driver.error.empty()) object.Set("error", driver.error);
  object.Set("gpus", gpus);
  return object;
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("resizeCrop", Napi::Function::New(env, resize_crop, "resizeCrop"));
  exports.Set("openTurboJpeg", Napi::Function::New(env, open_turbo_jpeg, "openTurboJpeg"));
  exports.Set("unpackBmp", Napi::Function::New(env, unpack_bmp, "unpackBmp"));
  exports.Set("unpackGif", Napi::Function::New(env, unpack_gif, "unpackGif"));
  exports.Set("normalise", Napi::Function::New(env, normalise, "normalise"));
  exports.Set("probeLibrary", Napi::Function::New(env, probe_library, "probeLibrary"));
  exports.Set("probeDriver", Napi::Function::New(env, probe_driver, "probeDriver"));
  exports.Set("trimMemory", Napi::Function::New(env, trim_memory, "trimMemory"));
  exports.Set("exitNow", Napi::Function::New(env, exit_now, "exitNow"));
  exports.Set("kernels", kernel_names(env));
  return exports;
}

}  // namespace

NODE_API_MODULE(clip_server, init)
