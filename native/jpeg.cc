#include "jpeg.h"

#include <dlfcn.h>

#include <memory>
#include <new>
#include <stdexcept>

#include "resize.h"

namespace clip {
namespace {

/// The interface's numbers, as far as this file uses them.
constexpr int kDecompress = 1;
constexpr int kLayoutRgb = 0, kLayoutGrey = 6;
constexpr int kColoursRgb = 0, kColoursYCbCr = 1, kColoursGrey = 2;
enum Parameter {
  kStopOnWarning = 0,
  kWidth = 5,
  kHeight = 6,
  kBits = 7,
  kColours = 8,
  kScanLimit = 13,
  kArithmetic = 14,
  kLossless = 15,
};

/// A scan of a few bytes makes the decoder walk over the whole picture: 100 of them over 40 megapixels take about a second.
constexpr int kMostScans = 100;

template <typename Function>
void find(void* library, const char* name, Function& found) {
  found = reinterpret_cast<Function>(dlsym(library, name));
  if (!found) throw std::runtime_error(std::string("no function ") + name + " in it");
}

class Decoder {
 public:
  explicit Decoder(const TurboJpeg& library) : library_(library), handle_(library.init(kDecompress)) {
    if (!handle_) throw std::bad_alloc();
  }
  ~Decoder() { library_.destroy(handle_); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  bool decode(const Jpeg& jpeg, uint8_t* out) {
    const bool grey = jpeg.mode == Mode::L;
    return library_.set(handle_, kStopOnWarning, 1) == 0 && library_.set(handle_, kScanLimit, kMostScans) == 0 &&
           library_.read_header(handle_, jpeg.data, jpeg.size) == 0 && is_expected(jpeg) &&
           library_.decode(handle_, jpeg.data, jpeg.size, out, jpeg.width * bytes_per_pixel(jpeg.mode),
                           grey ? kLayoutGrey : kLayoutRgb) == 0;
  }

 private:
  bool is(Parameter parameter, int value) const { return library_.get(handle_, parameter) == value; }

  bool is_expected(const Jpeg& jpeg) const {
    const bool colours = jpeg.mode == Mode::L ? is(kColours, kColoursGrey)
                                              : is(kColours, kColoursYCbCr) || is(kColours, kColoursRgb);
    return is(kWidth, jpeg.width) && is(kHeight, jpeg.height) && colours && is(kBits, 8) && is(kArithmetic, 0) &&
           is(kLossless, 0);
  }

  const TurboJpeg& library_;
  void* const handle_;
};

}  // namespace

TurboJpeg open_turbo_jpeg(const std::string& path) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) throw std::runtime_error(dlerror());
  TurboJpeg found;
  find(library, "tj3Init", found.init);
  find(library, "tj3Destroy", found.destroy);
  find(library, "tj3Set", found.set);
  find(library, "tj3Get", found.get);
  find(library, "tj3DecompressHeader", found.read_header);
  find(library, "tj3Decompress8", found.decode);
  return found;
}

bool decode_resize_crop(const TurboJpeg& library, const Jpeg& jpeg, uint8_t* out, const Kernel& kernel) {
  const size_t size = static_cast<size_t>(jpeg.width) * jpeg.height * bytes_per_pixel(jpeg.mode);
  const auto pixels = std::make_unique_for_overwrite<uint8_t[]>(size);
  if (!Decoder(library).decode(jpeg, pixels.get())) return false;
  resize_crop({pixels.get(), size, jpeg.width, jpeg.height, jpeg.mode, nullptr, jpeg.resolution}, out, kernel);
  return true;
}

}  // namespace clip
