#if defined(__x86_64__) || defined(_M_X64)

#include <smmintrin.h>

#include <cstring>

#include "kernels.h"

#define SSE41 __attribute__((target("sse4.1")))

namespace clip {
namespace {

/// 3 and 4 channels, per group of 2 taps: their low pair four times, then their high pair four times.
/// 1 channel, per group of 8 taps: 8 low halves, then 8 high halves.
void pack(FixedAxis& axis, int channels) {
  const size_t rows = axis.spans.size();
  const size_t copies = channels == 1 ? 1 : 4;
  axis.packed.resize(rows * axis.taps * 2 * copies);
  int16_t* out = axis.packed.data();
  for (size_t i = 0; i < rows; i++) {
    const int32_t* weights = axis.row(i);
    const int group = channels == 1 ? 8 : 2;
    for (int x = 0; x < axis.taps; x += group)
      for (auto half : {low_half, high_half})
        for (int p = 0; p < group; p += 2)
          for (size_t copy = 0; copy < copies; copy++) {
            *out++ = half(weights[x + p]);
            *out++ = half(weights[x + p + 1]);
          }
  }
}

SSE41 inline __m128i load(const void* at) { return _mm_loadu_si128(static_cast<const __m128i*>(at)); }
SSE41 inline __m128i load_eight(const void* at) { return _mm_loadl_epi64(static_cast<const __m128i*>(at)); }

SSE41 inline __m128i combine(__m128i low, __m128i high) {
  return _mm_add_epi32(_mm_slli_epi32(high, kLowBits), low);
}

template <int channels>
SSE41 void across_colour(const uint8_t* in, uint8_t* out, const FixedAxis& axis) {
  constexpr char z = -128, c = channels;
  const __m128i spread = _mm_setr_epi8(0, z, c, z, 1, z, c + 1, z, 2, z, c + 2, z, channels == 4 ? 3 : z, z,
                                       channels == 4 ? 7 : z, z);
  const __m128i round = _mm_set1_epi32(kRound);
  const int16_t* packed = axis.packed.data();
  for (const Span span : axis.spans) {
    const uint8_t* pixel = in + static_cast<size_t>(span.first) * channels;
    const int16_t* weights = packed;
    __m128i low = _mm_setzero_si128(), high = _mm_setzero_si128();
    for (int x = 0; x < span.count; x += 2, pixel += 2 * channels, weights += 16) {
      const __m128i taps = _mm_shuffle_epi8(load_eight(pixel), spread);
      low = _mm_add_epi32(low, _mm_madd_epi16(taps, load(weights)));
      high = _mm_add_epi32(high, _mm_madd_epi16(taps, load(weights + 8)));
    }
    packed += axis.taps * 8;
    const __m128i value = _mm_srai_epi32(_mm_add_epi32(combine(low, high), round), kPrecision);
    const __m128i words = _mm_packs_epi32(value, value);
    const int32_t bytes = _mm_cvtsi128_si32(_mm_packus_epi16(words, words));
    std::memcpy(out, &bytes, 4);
    out += channels;
  }
}

SSE41 void across_grey(const uint8_t* in, uint8_t* out, const FixedAxis& axis) {
  const int16_t* packed = axis.packed.data();
  for (const Span span : axis.spans) {
    const uint8_t* pixel = in + span.first;
    const int16_t* weights = packed;
    __m128i low = _mm_setzero_si128(), high = _mm_setzero_si128();
    for (int x = 0; x < span.count; x += 8, pixel += 8, weights += 16) {
      const __m128i taps = _mm_cvtepu8_epi16(load_eight(pixel));
      low = _mm_add_epi32(low, _mm_madd_epi16(taps, load(weights)));
      high = _mm_add_epi32(high, _mm_madd_epi16(taps, load(weights + 8)));
    }
    packed += axis.taps * 2;
    __m128i sum = combine(low, high);
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1));
    *out++ = clip8(_mm_cvtsi128_si32(sum) + kRound);
  }
}

SSE41 void across(const uint8_t* in, uint8_t* out, const FixedAxis& axis, int channels) {
  if (channels == 1) return across_grey(in, out, axis);
  if (channels == 3) return across_colour<3>(in, out, axis);
  across_colour<4>(in, out, axis);
}

SSE41 void down(const uint8_t* in, size_t stride, int count, const int32_t* weights, uint8_t* out, size_t bytes) {
  const __m128i round = _mm_set1_epi32(kRound);
  for (size_t at = 0; at < bytes; at += 8) {
    __m128i low[2] = {_mm_setzero_si128(), _mm_setzero_si128()}, high[2] = {low[0], low[0]};
    const uint8_t* row = in + at;
    for (int y = 0; y < count; y += 2, row += 2 * stride) {
      const bool single = y + 1 == count;
      const int32_t w0 = weights[y], w1 = single ? 0 : weights[y + 1];
      const __m128i rows = _mm_unpacklo_epi8(load_eight(row), load_eight(single ? row : row + stride));
      const __m128i pairs[2] = {_mm_cvtepu8_epi16(rows), _mm_cvtepu8_epi16(_mm_srli_si128(rows, 8))};
      for (int k = 0; k < 2; k++) {
        low[k] = _mm_add_epi32(low[k], _mm_madd_epi16(pairs[k], _mm_set1_epi32(pair(low_half(w0), low_half(w1)))));
        high[k] = _mm_add_epi32(high[k], _mm_madd_epi16(pairs[k], _mm_set1_epi32(pair(high_half(w0), high_half(w1)))));
      }
    }
    __m128i value[2];
    for (int k = 0; k < 2; k++)
      value[k] = _mm_srai_epi32(_mm_add_epi32(combine(low[k], high[k]), round), kPrecision);
    const __m128i words = _mm_packs_epi32(value[0], value[1]);
    _mm_storel_epi64(reinterpret_cast<__m128i*>(out + at), _mm_packus_epi16(words, words));
  }
}

}  // namespace

const Kernel kSse41Kernel{"sse4.1", pack, across, down};

}  // namespace clip

#endif
