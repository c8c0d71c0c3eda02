// Twins of the project's kernels: their own source, compiled for the host, one thread of the grid after the other. What a
// kernel reads or writes is looked up whole before it starts, so an address or a size that is wrong is an illegal address.

#include "kernels.h"

#include <cstdint>

namespace {

struct Dimension {
  unsigned x;
};
struct Block {
  unsigned x, y;
};

thread_local Dimension threadIdx, blockDim;
thread_local Block blockIdx;

}  // namespace

#define __global__
#define __device__
#define __constant__
#define CLIP_SOURCES "compiled for the host"
#include "../../../native/tensorrt/kernels.cu"

namespace {

using Address = unsigned long long;

template <typename T>
T argument(void* const* parameters, int index) {
  return *static_cast<const T*>(parameters[index]);
}

template <typename T>
T* resolve(Address address, uint64_t count) {
  return static_cast<T*>(fake_cuda_resolve(address, count * sizeof(T)));
}

template <typename Kernel>
void each_thread(const FakeLaunch& launch, const Kernel& kernel) {
  blockDim.x = launch.block[0];
  for (blockIdx.x = 0; blockIdx.x < launch.grid[0]; blockIdx.x++)
    for (blockIdx.y = 0; blockIdx.y < launch.grid[1]; blockIdx.y++)
      for (threadIdx.x = 0; threadIdx.x < launch.block[0]; threadIdx.x++) kernel();
}

template <typename Value, void kernel(const uint8_t*, Value*, uint32_t)>
void normalise_twin(const FakeLaunch& launch, void* const* parameters) {
  const auto pixels = argument<uint32_t>(parameters, 2);
  const uint64_t values = static_cast<uint64_t>(launch.grid[0]) * pixels * 3;
  const auto* rgb = resolve<const uint8_t>(argument<Address>(parameters, 0), values);
  auto* out = resolve<Value>(argument<Address>(parameters, 1), values);
  if (rgb && out) each_thread(launch, [&] { kernel(rgb, out, pixels); });
}

/// Spans and weights of an axis, and how far it reads.
struct Axis {
  Axis(void* const* parameters, int first, uint64_t count)
      : taps(argument<uint32_t>(parameters, first + 2)),
        spans(resolve<const clip::Span>(argument<Address>(parameters, first), count)),
        weights(resolve<const int32_t>(argument<Address>(parameters, first + 1), count * taps)) {
    for (uint64_t i = 0; spans && i < count; i++)
      if (const auto last = static_cast<uint64_t>(spans[i].first) + spans[i].count; last > end) end = last;
  }
  explicit operator bool() const { return spans && weights; }

  uint32_t taps;
  const clip::Span* spans;
  const int32_t* weights;
  uint64_t end = 0;
};

void across_twin(const FakeLaunch& launch, void* const* parameters) {
  const uint64_t rows = launch.grid[0];
  const auto stride = argument<uint64_t>(parameters, 1);
  const auto width = argument<uint32_t>(parameters, 6);
  const Axis columns(parameters, 3, width);
  const auto* in = resolve<const uint8_t>(argument<Address>(parameters, 0), (rows - 1) * stride + columns.end * 3);
  auto* out = resolve<uint8_t>(argument<Address>(parameters, 2), rows * width * 3);
  if (columns && in && out)
    each_thread(launch, [&] { clip_across(in, stride, out, columns.spans, columns.weights, columns.taps, width); });
}

void down_twin(const FakeLaunch& launch, void* const* parameters) {
  const auto bytes = argument<uint32_t>(parameters, 5);
  const Axis rows(parameters, 2, launch.grid[0]);
  const auto* in = resolve<const uint8_t>(argument<Address>(parameters, 0), rows.end * bytes);
  auto* out = resolve<uint8_t>(argument<Address>(parameters, 1), static_cast<uint64_t>(launch.grid[0]) * bytes);
  if (rows && in && out)
    each_thread(launch, [&] { clip_down(in, out, rows.spans, rows.weights, rows.taps, bytes); });
}

/// Sizes of the arguments, read off the kernel itself.
template <typename... Parameters>
void add(const char* name, void (*)(Parameters...), FakeTwin twin) {
  const size_t sizes[] = {sizeof(Parameters)...};
  fake_cuda_register_kernel(name, twin, sizes, sizeof...(Parameters));
}

[[maybe_unused]] const bool registered = [] {
  add("clip_normalise_float32", clip_normalise_float32, normalise_twin<float, clip_normalise_float32>);
  add("clip_normalise_float16", clip_normalise_float16, normalise_twin<uint16_t, clip_normalise_float16>);
  add("clip_across", clip_across, across_twin);
  add("clip_down", clip_down, down_twin);
  return true;
}();

}  // namespace
