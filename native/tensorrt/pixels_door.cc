#include "pixels_door.h"

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "arguments.h"
#include "device_pixels.h"
#include "geometry.h"
#include "task.h"

namespace clip::tensorrt {
namespace {

/// Those of the devices that were used, by their index.
class AllPixels {
 public:
  explicit AllPixels(std::shared_ptr<const Driver> driver) : driver_(std::move(driver)) {}

  const Driver& driver() const { return *driver_; }

  std::shared_ptr<DevicePixels> of(int index) {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<DevicePixels>& pixels = by_index_[index];
    if (!pixels) pixels = std::make_shared<DevicePixels>(std::make_shared<Device>(driver_, index));
    return pixels;
  }

 private:
  const std::shared_ptr<const Driver> driver_;
  std::mutex mutex_;
  std::map<int, std::shared_ptr<DevicePixels>> by_index_;
};

using Bytes = std::vector<uint8_t>;
using Work = std::function<void(DevicePixels& pixels, uint8_t* out)>;

int device_of(const Arguments& job, const AllPixels& all) {
  return static_cast<int>(job.integer("device", 0, static_cast<int64_t>(all.driver().devices().size()) - 1));
}

/// A promise of the `size` bytes that `work` writes, on a thread of its own.
Napi::Value promise(const Arguments& job, const char* name, std::shared_ptr<AllPixels> all, Napi::Uint8Array lent,
                    size_t size, Work work) {
  const int device = device_of(job, *all);
  return on_thread(job.env(), name, {lent}, [all, device, size, work]() -> Settle {
    const auto bytes = std::make_shared<Bytes>(size);
    work(*all->of(device), bytes->data());
    return [bytes](Napi::Env env) -> Napi::Value {
      const auto buffer = Napi::ArrayBuffer::New(env, bytes->data(), bytes->size(),
                                                 [kept = bytes](Napi::Env, void*) {});
      return Napi::Uint8Array::New(env, bytes->size(), buffer, 0);
    };
  });
}

Napi::Value resize_crop(const Napi::CallbackInfo& info, const std::shared_ptr<AllPixels>& all) {
  const Arguments job(info);
  const Napi::Uint8Array data = job.bytes("data");
  const auto side = [&job](const char* name) { return static_cast<int>(job.integer(name, 1, kMaxSide)); };
  const RgbPicture picture{data.Data(), data.ByteLength(), side("width"), side("height"),
                           static_cast<int>(job.integer("resolution", 1, kMaxResolution))};
  const std::string mode = job.text("mode");
  if (mode != "RGB") throw Napi::RangeError::New(info.Env(), "mode: RGB expected on a device, got " + mode);
  const size_t size = static_cast<size_t>(picture.resolution) * picture.resolution * 3;
  return promise(job, "resizeCrop", all, data, size,
                 [picture](DevicePixels& pixels, uint8_t* out) { pixels.resize_crop(picture, out); });
}

Napi::Value normalise(const Napi::CallbackInfo& info, const std::shared_ptr<AllPixels>& all) {
  const Arguments job(info);
  const Napi::Uint8Array data = job.bytes("data");
  const auto rows = static_cast<uint32_t>(job.integer("rows", 1, 65535));
  const size_t pixels = data.ByteLength() / 3 / rows;
  constexpr size_t kMostPixels = size_t{kMaxResolution} * kMaxResolution;
  if (pixels == 0 || pixels > kMostPixels || pixels * 3 * rows != data.ByteLength())
    throw Napi::RangeError::New(info.Env(), "data: " + std::to_string(rows) + " pictures of 1 to " +
                                                std::to_string(kMostPixels) + " pixels expected, got " +
                                                std::to_string(data.ByteLength()) + " bytes");
  const std::string type = job.text("type");
  if (type != "float32" && type != "float16")
    throw Napi::RangeError::New(info.Env(), "type: float32 or float16 expected, got " + type);
  const Kernels::Value value = type == "float16" ? Kernels::Value::float16 : Kernels::Value::float32;
  const size_t size = data.ByteLength() * (value == Kernels::Value::float16 ? 2 : 4);
  return promise(job, "normalise", all, data, size,
                 [rgb = data.Data(), rows, pixels, value](DevicePixels& device, uint8_t* out) {
                   device.normalise(rgb, rows, static_cast<uint32_t>(pixels), value, out);
                 });
}

}  // namespace

void add_pixels_door(Napi::Object& loaded, std::shared_ptr<const Driver> driver) {
  const auto all = std::make_shared<AllPixels>(std::move(driver));
  const auto add = [&](const char* name, auto* function) {
    const auto call = [all, function](const Napi::CallbackInfo& info) { return function(info, all); };
    loaded[name] = Napi::Function::New(loaded.Env(), call, name);
  };
  add("resizeCrop", resize_crop);
  add("normalise", normalise);
}

}  // namespace clip::tensorrt
