#include "device_pixels.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "fixed_axis.h"
#include "geometry.h"
#include "wait.h"

namespace clip::tensorrt {
namespace {

/// Memory of each kind that is kept for the next job: a picture of 20 megapixels.
constexpr size_t kKeptBytes = size_t{64} << 20;
/// The largest picture takes a fraction of a second.
constexpr auto kLongest = std::chrono::seconds(10);

/// Places in one block of memory, each aligned as CUDA aligns an allocation.
class Layout {
 public:
  size_t place(size_t bytes) {
    const size_t at = end_;
    end_ += (bytes + 255) / 256 * 256;
    return at;
  }
  size_t end() const { return end_; }

 private:
  size_t end_ = 0;
};

/// Where an axis of the resize lies.
struct AxisPlace {
  AxisPlace(const FixedAxis& axis, Layout& layout)
      : spans(layout.place(axis.spans.size() * sizeof(Span))),
        weights(layout.place(axis.weights.size() * sizeof(int32_t))) {}

  void write(const FixedAxis& axis, unsigned char* memory) const {
    std::memcpy(memory + spans, axis.spans.data(), axis.spans.size() * sizeof(Span));
    std::memcpy(memory + weights, axis.weights.data(), axis.weights.size() * sizeof(int32_t));
  }
  DeviceAxis on_device(const FixedAxis& axis, DeviceAddress memory) const {
    return {memory + spans, memory + weights, static_cast<uint32_t>(axis.taps),
            static_cast<uint32_t>(axis.spans.size())};
  }

  size_t spans, weights;
};

}  // namespace

DevicePixels::DevicePixels(std::shared_ptr<Device> device) : device_(std::move(device)) {
  device_->make_current();
  kernels_.emplace(device_);
  stream_.emplace(device_);
  done_.emplace(device_);
}

DevicePixels::~DevicePixels() {
  // Where it fails, the driver refuses to free what the members own, and the process's end does.
  device_->try_make_current();
}

void DevicePixels::resize_crop(const RgbPicture& picture, uint8_t* out) {
  const Geometry geometry = crop_geometry(picture.width, picture.height, picture.resolution);
  check_size(picture.size, picture.width, picture.height, 3);
  // Where a side stays as it is, its weights are one and zeros, and the pass changes nothing.
  const Axis across = bicubic_axis(picture.width, geometry.width, geometry.left, picture.resolution);
  const Axis down = bicubic_axis(picture.height, geometry.height, geometry.top, picture.resolution);
  const FixedAxis columns = fixed_axis(across, 3);
  const FixedAxis rows = fixed_axis(down, 3);
  const size_t stride = static_cast<size_t>(across.end() - across.begin()) * 3;
  const size_t height = static_cast<size_t>(down.end() - down.begin());
  const size_t line = static_cast<size_t>(picture.resolution) * 3;

  Layout layout;
  const size_t source = layout.place(height * stride);
  const AxisPlace columns_at(columns, layout), rows_at(rows, layout);
  const size_t uploaded = layout.end();
  const size_t narrowed = layout.place(height * line);
  const size_t crop = layout.place(picture.resolution * line);

  const std::lock_guard lock(mutex_);
  device_->require();
  device_->make_current();
  reserve(std::max(uploaded, picture.resolution * line), layout.end());
  for (size_t y = 0; y < height; y++)
    std::memcpy(pinned_->data() + source + y * stride,
                picture.data + ((down.begin() + y) * picture.width + across.begin()) * 3, stride);
  columns_at.write(columns, pinned_->data());
  rows_at.write(rows, pinned_->data());
  upload(uploaded);
  kernels_->across(at(source), stride, at(narrowed), static_cast<uint32_t>(height),
                   columns_at.on_device(columns, at(0)), stream_->get());
  kernels_->down(at(narrowed), at(crop), static_cast<uint32_t>(line), rows_at.on_device(rows, at(0)), stream_->get());
  download(crop, picture.resolution * line, out);
}

void DevicePixels::normalise(const uint8_t* rgb, uint32_t rows, uint32_t pixels, Kernels::Value value, uint8_t* out) {
  const size_t bytes = size_t{rows} * pixels * 3;
  Layout layout;
  const size_t source = layout.place(bytes);
  const size_t values = bytes * (value == Kernels::Value::float16 ? 2 : 4);
  const size_t result = layout.place(values);

  const std::lock_guard lock(mutex_);
  device_->require();
  device_->make_current();
  reserve(values, layout.end());
  std::memcpy(pinned_->data(), rgb, bytes);
  upload(bytes);
  kernels_->normalise(at(source), at(result), rows, pixels, value, stream_->get());
  download(result, values, out);
}

void DevicePixels::reserve(size_t pinned, size_t device) {
  if (pinned_bytes_ < pinned) {
    pinned_.reset();
    pinned_bytes_ = 0;
    pinned_.emplace(device_, pinned);
    pinned_bytes_ = pinned;
  }
  if (!memory_ || memory_->bytes() < device) {
    memory_.reset();
    memory_.emplace(device_, device);
  }
}

void DevicePixels::upload(size_t bytes) {
  device_->check(device_->driver().copy_to_device, at(0), pinned_->data(), bytes, stream_->get());
}

void DevicePixels::download(size_t offset, size_t bytes, uint8_t* out) {
  device_->check(device_->driver().copy_to_host, pinned_->data(), at(offset), bytes, stream_->get());
  device_->check(device_->driver().event_record, done_->get(), stream_->get());
  wait_for(*device_, *done_, kLongest, "the pixels of a job");
  std::memcpy(out, pinned_->data(), bytes);
  shrink();
}

void DevicePixels::shrink() {
  if (pinned_bytes_ > kKeptBytes) {
    pinned_.reset();
    pinned_bytes_ = 0;
  }
  if (memory_->bytes() > kKeptBytes) memory_.reset();
}

}  // namespace clip::tensorrt
