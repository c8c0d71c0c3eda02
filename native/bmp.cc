#include "bmp.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

namespace clip {
namespace {

int bits_per_pixel(BmpPixels pixels) {
  switch (pixels) {
    case BmpPixels::Index1:
      return 1;
    case BmpPixels::Index4:
    case BmpPixels::Rle4:
      return 4;
    case BmpPixels::Index8:
    case BmpPixels::Rle8:
      return 8;
    case BmpPixels::BGR15:
    case BmpPixels::BGR16:
      return 16;
    case BmpPixels::BGR24:
      return 24;
    default:
      return 32;
  }
}

void unpack_indices(const uint8_t* in, uint8_t* out, size_t width, int bits) {
  const int per_byte = 8 / bits;
  for (size_t x = 0; x < width; x++) {
    const int shift = 8 - bits * (1 + static_cast<int>(x % per_byte));
    out[x] = static_cast<uint8_t>((in[x / per_byte] >> shift) & ((1 << bits) - 1));
  }
}

/// 5 or 6 bits a channel, stretched to 0–255.
void unpack_high_colour(const uint8_t* in, uint8_t* out, size_t width, int green_bits) {
  const int green = (1 << green_bits) - 1;
  for (size_t x = 0; x < width; x++, in += 2, out += 3) {
    const int pixel = in[0] | in[1] << 8;
    out[0] = static_cast<uint8_t>((pixel >> (5 + green_bits) & 31) * 255 / 31);
    out[1] = static_cast<uint8_t>((pixel >> 5 & green) * 255 / green);
    out[2] = static_cast<uint8_t>((pixel & 31) * 255 / 31);
  }
}

/// Bytes of one pixel in the file's order → `count` channels; `order` says which byte each channel comes from.
void unpack_true_colour(const uint8_t* in, uint8_t* out, size_t width, int step, const int* order, int count) {
  for (size_t x = 0; x < width; x++, in += step, out += count)
    for (int c = 0; c < count; c++) out[c] = in[order[c]];
}

void unpack_row(const uint8_t* in, uint8_t* out, size_t width, BmpPixels pixels) {
  static constexpr int bgra[] = {2, 1, 0, 3}, abgr[] = {3, 2, 1, 0}, rgba[] = {0, 1, 2, 3};
  switch (pixels) {
    case BmpPixels::BGR15:
      return unpack_high_colour(in, out, width, 5);
    case BmpPixels::BGR16:
      return unpack_high_colour(in, out, width, 6);
    case BmpPixels::BGR24:
      return unpack_true_colour(in, out, width, 3, bgra, 3);
    case BmpPixels::BGRX:
      return unpack_true_colour(in, out, width, 4, bgra, 3);
    case BmpPixels::BGRA:
      return unpack_true_colour(in, out, width, 4, bgra, 4);
    case BmpPixels::XBGR:
      return unpack_true_colour(in, out, width, 4, abgr, 3);
    case BmpPixels::ABGR:
      return unpack_true_colour(in, out, width, 4, abgr, 4);
    case BmpPixels::RGBA:
      return unpack_true_colour(in, out, width, 4, rgba, 4);
    default:
      return unpack_indices(in, out, width, bits_per_pixel(pixels));
  }
}

/// Reads runs into a picture whose first row is the file's first. Positions only ever grow, so one number is enough.
class RunReader {
 public:
  RunReader(const Bmp& bmp, uint8_t* out)
      : bmp_(bmp), at_(bmp.offset), out_(out), width_(bmp.width), total_(width_ * bmp.height) {}

  void read() {
    while (done_ < total_) {
      const uint8_t count = next(), value = next();
      if (count > 0)
        encoded(count, value);
      else if (value == 0)
        skip(done_ % width_ == 0 ? 0 : width_ - done_ % width_), column_ = 0;
      else if (value == 1)
        throw std::runtime_error("the BMP's runs end after " + std::to_string(done_) + " of " +
                                 std::to_string(total_) + " pixels");
      else if (value == 2)
        jump();
      else
        absolute(value);
    }
  }

 private:
  uint8_t next() {
    if (at_ >= bmp_.size) throw std::runtime_error("the BMP ends inside its runs");
    return bmp_.data[at_++];
  }

  void put(uint8_t index) {
    if (done_ < total_) out_[done_++] = index;
  }

  void skip(size_t pixels) {
    const size_t count = std::min(pixels, total_ - done_);
    std::memset(out_ + done_, 0, count);
    done_ += count;
  }

  /// Runs are cut at the end of their row.
  void encoded(size_t count, uint8_t value) {
    const size_t room = width_ > column_ ? width_ - column_ : 0;
    count = std::min(count, room);
    const bool four = bmp_.pixels == BmpPixels::Rle4;
    for (size_t i = 0; i < count; i++) put(four ? (i % 2 == 0 ? value >> 4 : value & 15) : value);
    column_ += count;
  }

  void jump() {
    const size_t right = next(), up = next();
    skip(right + up * width_);
    column_ = done_ % width_;
  }

  void absolute(size_t count) {
    const size_t pixels = std::min(count, total_ - done_);
    if (bmp_.pixels == BmpPixels::Rle8) {
      for (size_t i = 0; i < pixels; i++) put(next());
    } else {
      for (size_t i = 0; i < pixels; i += 2) {
        const uint8_t both = next();
        put(both >> 4);
        if (i + 1 < pixels) put(both & 15);
      }
    }
    column_ += count;
    if (at_ % 2 != 0 && done_ < total_) next();
  }

  const Bmp& bmp_;
  size_t at_;
  uint8_t* out_;
  const size_t width_, total_;
  size_t done_ = 0, column_ = 0;
};

void flip(uint8_t* rows, size_t stride, size_t height) {
  for (size_t top = 0, bottom = height - 1; top < bottom; top++, bottom--)
    std::swap_ranges(rows + top * stride, rows + (top + 1) * stride, rows + bottom * stride);
}

}  // namespace

int bmp_channels(BmpPixels pixels) {
  if (pixels == BmpPixels::ABGR || pixels == BmpPixels::RGBA || pixels == BmpPixels::BGRA) return 4;
  return bits_per_pixel(pixels) > 8 ? 3 : 1;
}

void unpack_bmp(const Bmp& bmp, uint8_t* out) {
  const size_t width = bmp.width, height = bmp.height, row = width * bmp_channels(bmp.pixels);
  if (bmp.pixels == BmpPixels::Rle4 || bmp.pixels == BmpPixels::Rle8) {
    RunReader(bmp, out).read();
    if (!bmp.top_down) flip(out, row, height);
    return;
  }
  const size_t used = (width * bits_per_pixel(bmp.pixels) + 7) / 8, stride = (used + 3) / 4 * 4;
  // The last row's padding may be missing.
  const size_t needed = stride * (height - 1) + used;
  if (bmp.offset > bmp.size || bmp.size - bmp.offset < needed)
    throw std::runtime_error("the BMP is cut short: " + std::to_string(needed) + " bytes of pixels expected at " +
                             std::to_string(bmp.offset) + " of " + std::to_string(bmp.size));
  const uint8_t* in = bmp.data + bmp.offset;
  for (size_t y = 0; y < height; y++, in += stride)
    unpack_row(in, out + (bmp.top_down ? y : height - 1 - y) * row, width, bmp.pixels);
}

}  // namespace clip
