#include <cstring>
#include <vector>

#include "bicubic.h"

namespace clip {
namespace {

/// Gives the horizontal pass its rows: the columns that the crop needs, premultiplied where there is alpha, and with
/// room behind them for a vector load.
class RowSource {
 public:
  RowSource(const Picture& picture, const Axis& axis, int channels)
      : picture_(picture),
        begin_(axis.begin()),
        pixels_(static_cast<size_t>(axis.end() - axis.begin())),
        scratch_(pixels_ * channels + kOverread) {}

  const uint8_t* row(int y) {
    const size_t pixel = bytes_per_pixel(picture_.mode);
    const size_t at = (static_cast<size_t>(y) * picture_.width + begin_) * pixel;
    const uint8_t* in = picture_.data + at;
    if (picture_.mode == Mode::RGBA) {
      premultiply(in, scratch_.data(), pixels_);
      return scratch_.data();
    }
    if (at + pixels_ * pixel + kOverread <= picture_.size) return in;
    std::memcpy(scratch_.data(), in, pixels_ * pixel);
    return scratch_.data();
  }

 private:
  const Picture& picture_;
  const size_t begin_, pixels_;
  std::vector<uint8_t> scratch_;
};

}  // namespace

void bicubic8(const Picture& picture, const Geometry& geometry, uint8_t* out, const Kernel& kernel) {
  const size_t resolution = picture.resolution;
  const int channels = bytes_per_pixel(picture.mode);
  const Axis across = bicubic_axis(picture.width, geometry.width, geometry.left, picture.resolution);
  const Axis down = bicubic_axis(picture.height, geometry.height, geometry.top, picture.resolution);
  FixedAxis columns = fixed_axis(across, channels);
  if (kernel.pack) kernel.pack(columns, channels);
  const FixedAxis rows = fixed_axis(down, channels);

  const size_t stride = resolution * channels;
  const size_t height = static_cast<size_t>(down.end() - down.begin());
  std::vector<uint8_t> narrowed(height * stride + kOverread);
  RowSource source(picture, across, channels);
  for (size_t y = 0; y < height; y++)
    kernel.across(source.row(down.begin() + static_cast<int>(y)), narrowed.data() + y * stride, columns, channels);

  std::vector<uint8_t> line(stride + kOverwrite);
  for (size_t y = 0; y < resolution; y++, out += resolution * 3) {
    const Span span = rows.spans[y];
    kernel.down(narrowed.data() + span.first * stride, stride, span.count, rows.row(y), line.data(), stride);
    if (picture.mode == Mode::RGBA)
      unpremultiply_to_rgb(line.data(), out, resolution);
    else
      to_rgb(line.data(), out, resolution, picture.mode, nullptr);
  }
}

}  // namespace clip
