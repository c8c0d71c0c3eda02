#include "gif.h"

#include <array>
#include <cstring>
#include <stdexcept>
#include <string>

namespace clip {
namespace {

constexpr int kTableSize = 4096;
constexpr int kMaxBits = 12;

[[noreturn]] void broken(const char* what) { throw std::runtime_error(std::string("the GIF's data is broken: ") + what); }

/// Codes of varying length from a chain of blocks.
class CodeReader {
 public:
  explicit CodeReader(const Gif& gif) : data_(gif.data), size_(gif.size), at_(gif.offset) {}

  int next(int bits) {
    while (held_ < bits) {
      buffer_ |= static_cast<uint32_t>(next_byte()) << held_;
      held_ += 8;
    }
    const int code = static_cast<int>(buffer_ & ((1u << bits) - 1));
    buffer_ >>= bits;
    held_ -= bits;
    return code;
  }

 private:
  uint8_t next_byte() {
    if (left_ == 0) {
      if (at_ >= size_) throw std::runtime_error("the GIF is cut short");
      left_ = data_[at_++];
      if (left_ == 0) broken("it ends before the frame is full");
      if (size_ - at_ < left_) throw std::runtime_error("the GIF is cut short");
    }
    left_--;
    return data_[at_++];
  }

  const uint8_t* data_;
  size_t size_, at_, left_ = 0;
  uint32_t buffer_ = 0;
  int held_ = 0;
};

/// Puts indices row by row, in the four passes of an interlaced frame.
class FrameWriter {
 public:
  FrameWriter(const Gif& gif, uint8_t* out) : gif_(gif), out_(out), step_(gif.interlaced ? 8 : 1) { seek(); }

  bool full() const { return y_ >= gif_.frame_height; }

  void put(uint8_t index) {
    *next_++ = index;
    if (++x_ == gif_.frame_width) end_row();
  }

 private:
  void end_row() {
    x_ = 0;
    y_ += step_;
    while (gif_.interlaced && y_ >= gif_.frame_height && pass_ < 3) {
      static constexpr int start[] = {4, 2, 1}, step[] = {8, 4, 2};
      y_ = start[pass_];
      step_ = step[pass_];
      pass_++;
    }
    if (!full()) seek();
  }

  void seek() { next_ = out_ + (static_cast<size_t>(gif_.top) + y_) * gif_.width + gif_.left; }

  const Gif& gif_;
  uint8_t* out_;
  uint8_t* next_ = nullptr;
  int x_ = 0, y_ = 0, step_, pass_ = 0;
};

/// The table of strings: each is an earlier string and one index more.
class StringTable {
 public:
  explicit StringTable(int code_bits) : clear_(1 << code_bits) { reset(); }

  int clear() const { return clear_; }
  int end() const { return clear_ + 1; }
  int bits() const { return bits_; }

  void reset() {
    next_ = clear_ + 2;
    bits_ = bit_length(clear_);
    previous_ = -1;
  }

  /// Expands a code and learns the string that it completes; `put` takes the indices until the frame is full.
  void expand(int code, FrameWriter& frame) {
    if (previous_ < 0) {
      if (code >= clear_) broken("a code refers to nothing");
      first_ = static_cast<uint8_t>(code);
      previous_ = code;
      frame.put(first_);
      return;
    }
    if (code > next_ || code >= kTableSize) broken("a code refers to nothing");
    int length = 0, rest = code;
    if (code == next_) {
      reversed_[length++] = first_;
      rest = previous_;
    }
    for (; rest >= clear_; rest = link_[rest]) {
      if (length >= kTableSize) broken("a string has no end");
      reversed_[length++] = last_[rest];
    }
    first_ = static_cast<uint8_t>(rest);
    reversed_[length++] = first_;
    learn();
    previous_ = code;
    while (length > 0 && !frame.full()) frame.put(reversed_[--length]);
  }

 private:
  static int bit_length(int value) {
    int bits = 0;
    for (; value; value >>= 1) bits++;
    return bits;
  }

  void learn() {
    if (next_ >= kTableSize) return;
    last_[next_] = first_;
    link_[next_] = static_cast<uint16_t>(previous_);
    if (next_ == (1 << bits_) - 1 && bits_ < kMaxBits) bits_++;
    next_++;
  }

  const int clear_;
  int next_, bits_, previous_;
  uint8_t first_ = 0;
  std::array<uint8_t, kTableSize> last_{};
  std::array<uint16_t, kTableSize> link_{};
  std::array<uint8_t, kTableSize + 2> reversed_{};
};

}  // namespace

void unpack_gif(const Gif& gif, uint8_t* out) {
  std::memset(out, gif.fill, static_cast<size_t>(gif.width) * gif.height);
  CodeReader codes(gif);
  FrameWriter frame(gif, out);
  StringTable table(gif.code_bits);
  while (!frame.full()) {
    const int code = codes.next(table.bits());
    if (code == table.clear())
      table.reset();
    else if (code == table.end())
      broken("it ends before the frame is full");
    else
      table.expand(code, frame);
  }
}

}  // namespace clip
