#if defined(__x86_64__) || defined(_M_X64)

#include <immintrin.h>

#include <cstring>

#include "kernels.h"

#define AVX2 __attribute__((target("avx2")))

namespace clip {
namespace {

/// 3 and 4 channels, per group of 4 taps: 8 words of low pairs, then 8 of high pairs. A word (two taps) stands four
/// times, once for each channel; the first lane holds taps 0–1, the second taps 2–3.
/// 1 channel, per group of 16 taps: 16 low halves, then 16 high halves.
void pack(FixedAxis& axis, int channels) {
  const size_t rows = axis.spans.size();
  const size_t copies = channels == 1 ? 1 : 4;
  axis.packed.resize(rows * axis.taps * 2 * copies);
  int16_t* out = axis.packed.data();
  for (size_t i = 0; i < rows; i++) {
    const int32_t* weights = axis.row(i);
    const int group = channels == 1 ? 16 : 4;
    for (int x = 0; x < axis.taps; x += group)
      for (auto half : {low_half, high_half})
        for (int p = 0; p < group; p += 2)
          for (size_t copy = 0; copy < copies; copy++) {
            *out++ = half(weights[x + p]);
            *out++ = half(weights[x + p + 1]);
          }
  }
}

AVX2 inline __m256i load(const void* at) { return _mm256_loadu_si256(static_cast<const __m256i*>(at)); }
AVX2 inline __m128i load_half(const void* at) { return _mm_loadu_si128(static_cast<const __m128i*>(at)); }

/// high · 2^15 + low over both lanes.
AVX2 inline __m128i combine(__m256i low, __m256i high) {
  const __m256i sum = _mm256_add_epi32(_mm256_slli_epi32(high, kLowBits), low);
  return _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
}

template <int channels>
AVX2 void across_colour(const uint8_t* in, uint8_t* out, const FixedAxis& axis) {
  constexpr char z = -128, c = channels;
  const __m256i spread = _mm256_setr_epi8(
      0, z, c, z, 1, z, c + 1, z, 2, z, c + 2, z, channels == 4 ? 3 : z, z, channels == 4 ? 7 : z, z,
      2 * c, z, 3 * c, z, 2 * c + 1, z, 3 * c + 1, z, 2 * c + 2, z, 3 * c + 2, z,
      channels == 4 ? 11 : z, z, channels == 4 ? 15 : z, z);
  const __m128i round = _mm_set1_epi32(kRound);
  const int16_t* packed = axis.packed.data();
  for (const Span span : axis.spans) {
    const uint8_t* pixel = in + static_cast<size_t>(span.first) * channels;
    const int16_t* weights = packed;
    __m256i low = _mm256_setzero_si256(), high = _mm256_setzero_si256();
    for (int x = 0; x < span.count; x += 4, pixel += 4 * channels, weights += 32) {
      const __m256i taps = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(load_half(pixel)), spread);
      low = _mm256_add_epi32(low, _mm256_madd_epi16(taps, load(weights)));
      high = _mm256_add_epi32(high, _mm256_madd_epi16(taps, load(weights + 16)));
    }
    packed += axis.taps * 8;
    const __m128i value = _mm_srai_epi32(_mm_add_epi32(combine(low, high), round), kPrecision);
    const __m128i words = _mm_packs_epi32(value, value);
    const int32_t bytes = _mm_cvtsi128_si32(_mm_packus_epi16(words, words));
    std::memcpy(out, &bytes, 4);
    out += channels;
  }
}

AVX2 void across_grey(const uint8_t* in, uint8_t* out, const FixedAxis& axis) {
  const int16_t* packed = axis.packed.data();
  for (const Span span : axis.spans) {
    const uint8_t* pixel = in + span.first;
    const int16_t* weights = packed;
    __m256i low = _mm256_setzero_si256(), high = _mm256_setzero_si256();
    for (int x = 0; x < span.count; x += 16, pixel += 16, weights += 32) {
      const __m256i taps = _mm256_cvtepu8_epi16(load_half(pixel));
      low = _mm256_add_epi32(low, _mm256_madd_epi16(taps, load(weights)));
      high = _mm256_add_epi32(high, _mm256_madd_epi16(taps, load(weights + 16)));
    }
    packed += axis.taps * 2;
    __m128i sum = combine(low, high);
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1));
    *out++ = clip8(_mm_cvtsi128_si32(sum) + kRound);
  }
}

AVX2 void across(const uint8_t* in, uint8_t* out, const FixedAxis& axis, int channels) {
  if (channels == 1) return across_grey(in, out, axis);
  if (channels == 3) return across_colour<3>(in, out, axis);
  across_colour<4>(in, out, axis);
}

/// Sums of 32 columns: word k of the four vectors holds the columns that unpacking leaves there.
struct Columns {
  __m256i low[4], high[4];
};

AVX2 inline void add_rows(Columns& sums, __m256i first, __m256i second, __m256i low, __m256i high) {
  const __m256i zero = _mm256_setzero_si256();
  const __m256i near = _mm256_unpacklo_epi8(first, second), far = _mm256_unpackhi_epi8(first, second);
  const __m256i pairs[4] = {_mm256_unpacklo_epi8(near, zero), _mm256_unpackhi_epi8(near, zero),
                            _mm256_unpacklo_epi8(far, zero), _mm256_unpackhi_epi8(far, zero)};
  for (int k = 0; k < 4; k++) {
    sums.low[k] = _mm256_add_epi32(sums.low[k], _mm256_madd_epi16(pairs[k], low));
    sums.high[k] = _mm256_add_epi32(sums.high[k], _mm256_madd_epi16(pairs[k], high));
  }
}

AVX2 inline __m256i finish(const Columns& sums) {
  const __m256i round = _mm256_set1_epi32(kRound);
  __m256i value[4];
  for (int k = 0; k < 4; k++) {
    const __m256i sum = _mm256_add_epi32(_mm256_slli_epi32(sums.high[k], kLowBits), sums.low[k]);
    value[k] = _mm256_srai_epi32(_mm256_add_epi32(sum, round), kPrecision);
  }
  return _mm256_packus_epi16(_mm256_packs_epi32(value[0], value[1]), _mm256_packs_epi32(value[2], value[3]));
}

AVX2 void down(const uint8_t* in, size_t stride, int count, const int32_t* weights, uint8_t* out, size_t bytes) {
  for (size_t at = 0; at < bytes; at += 32) {
    Columns sums;
    for (int k = 0; k < 4; k++) sums.low[k] = sums.high[k] = _mm256_setzero_si256();
    const uint8_t* row = in + at;
    for (int y = 0; y < count; y += 2, row += 2 * stride) {
      const bool single = y + 1 == count;
      const int32_t w0 = weights[y], w1 = single ? 0 : weights[y + 1];
      add_rows(sums, load(row), load(single ? row : row + stride), _mm256_set1_epi32(pair(low_half(w0), low_half(w1))),
               _mm256_set1_epi32(pair(high_half(w0), high_half(w1))));
    }
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + at), finish(sums));
  }
}

}  // namespace

const Kernel kAvx2Kernel{"avx2", pack, across, down};

}  // namespace clip

#endif
