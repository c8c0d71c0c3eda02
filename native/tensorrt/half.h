#pragma once

#include <cstdint>

namespace clip::tensorrt {

/// IEEE's float32 → the bits of float16, to nearest, halves to even; beyond float16's range infinite.
constexpr uint16_t half_bits(float value) {
  const uint32_t bits = __builtin_bit_cast(uint32_t, value);
  const uint32_t sign = bits >> 16 & 0x8000u;
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7e00u);
  // From the middle of float16's greatest value, 65504, and what would follow it.
  if (magnitude >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);
  // Below half of its least value, 2^-24, and that half itself.
  if (magnitude <= 0x33000000u) return static_cast<uint16_t>(sign);
  const uint32_t exponent = magnitude >> 23;
  const bool normal = exponent >= 113;
  const uint32_t shift = normal ? 13 : 126 - exponent;
  const uint32_t whole = normal ? magnitude - (112u << 23) : (magnitude & 0x7fffffu) | 0x800000u;
  const uint32_t lost = whole & ((1u << shift) - 1);
  const uint32_t kept = whole >> shift;
  const uint32_t middle = 1u << (shift - 1);
  return static_cast<uint16_t>(sign | (kept + (lost > middle || (lost == middle && (kept & 1)) ? 1 : 0)));
}

}  // namespace clip::tensorrt
