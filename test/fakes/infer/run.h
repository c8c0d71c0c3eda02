#pragma once

#include <memory>

#include "plan.h"

namespace fakes::infer {

/// What a context shares with its work on the stream, which may be there when it is gone.
struct Liveness {
  std::atomic<bool> alive{true};
  std::atomic<bool> running{false};
};

struct Bound {
  const Port* port;
  Dims shape;
  unsigned long long address;

  size_t bytes() const { return static_cast<size_t>(elements(shape)) * bytes_of(port->type); }
};

/// One execution as it was enqueued; a CUDA graph executes it again and again.
struct Run {
  std::shared_ptr<const Plan> plan;
  std::shared_ptr<Liveness> context;
  std::vector<Bound> inputs, outputs;
  unsigned long long scratch;
  size_t scratch_bytes;
};

/// out[b][j] = Σ over row b of the first input + j, in float32. On a stream's thread; `data` is a Run.
void execute(void* data);
[[noreturn]] void hang();

}  // namespace fakes::infer
